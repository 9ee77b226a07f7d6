-- The lowest probability of each tenth of the test visitors but the last, the most likely first; tenths are NTILE's.
-- @run_id      STRING  the run
-- @created_on  DATE    day on which the run was opened
-- @candidate   STRING  the candidate that is deployed
with
placed as (
    select
        probability,
        row_number() over (order by probability desc) as place,
        count(*) over () as visitors
    from evaluation_rows
    where run_id = @run_id and created_on = @created_on and candidate = @candidate
)

select
    decile,
    placed.probability as cutoff
from unnest(generate_array(1, 9)) as decile
inner join placed
    on placed.place = decile * div(placed.visitors, 10) + least(decile, mod(placed.visitors, 10))
order by decile
