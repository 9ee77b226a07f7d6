-- Return the association rules with one consequent that have the highest lift.
-- @as_of        DATE           last day of the export that the run reads
-- @unavailable  ARRAY<STRING>  products that are out of stock
-- @most_rules   INT64          maximum number of rules to return (recommendations.most_rules)
select
    antecedents,
    consequents[offset(0)] as product_id,
    confidence
from product_rules
where day = @as_of and array_length(consequents) = 1 and consequents[offset(0)] not in unnest(@unavailable)
qualify row_number() over (order by lift desc, confidence desc, to_json_string(antecedents) asc) <= @most_rules
order by to_json_string(antecedents) asc, confidence desc, product_id asc
