-- For n = 1 to 99, take the n percent of the test visitors with the highest probabilities, and return their lowest
-- probability.
-- @run_id      STRING  id of the run
-- @created_on  DATE    day on which the run was opened
-- @candidate   STRING  name of the candidate that is deployed
with
placed as (
    select
        probability,
        row_number() over (order by probability desc) as place,
        count(*) over () as visitors
    from evaluation_rows
    where run_id = @run_id and created_on = @created_on and candidate = @candidate and split = 'test'
)

select
    percent,
    placed.probability
from unnest(generate_array(1, 99)) as percent
inner join placed
    -- The number of visitors is rounded up, so that 1 % of few visitors is at least one visitor.
    on placed.place = div(percent * placed.visitors + 99, 100)
order by percent
