-- The lowest probability of the most likely 1, 2, ... 99 percent of the run's test visitors.
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
    where run_id = @run_id and created_on = @created_on and candidate = @candidate and split = 'test'
)

select
    percent,
    placed.probability
from unnest(generate_array(1, 99)) as percent
inner join placed
    -- Rounded up, so that the most likely percent of few visitors holds one.
    on placed.place = div(percent * placed.visitors + 99, 100)
order by percent
