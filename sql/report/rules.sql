-- Return the run's association rules with the highest lift.
-- @run_id      STRING  id of the run
-- @as_of       DATE    last day of the export that the run reads
-- @most_rules  INT64   maximum number of rules
select
    antecedents,
    consequents,
    basket_count,
    confidence,
    lift
from product_rules
where day = @as_of and run_id = @run_id
order by lift desc, confidence desc, to_json_string(antecedents) asc, to_json_string(consequents) asc
limit @most_rules
