-- Return the points of each model's cumulative curve. The visitors are sorted by decreasing probability. A row has the
-- numbers of visitors and buyers up to a percentage of the visitors. Visitors with the same probability are counted
-- together, so some percentages have no row.
-- @run_id      STRING  id of the run
-- @created_on  DATE    day on which the run was opened
-- @split       STRING  split whose visitors count: evaluation or test
with
ties as (
    select
        candidate,
        probability,
        count(*) as visitors,
        sum(label) as buyers
    from evaluation_rows
    where run_id = @run_id and created_on = @created_on and split = @split
    group by candidate, probability
),

cumulated as (
    select
        candidate,
        sum(visitors) over (partition by candidate order by probability desc) as visitors,
        sum(buyers) over (partition by candidate order by probability desc) as buyers,
        sum(visitors) over (partition by candidate) as all_visitors
    from ties
)

select
    candidate,
    div(100 * visitors + all_visitors - 1, all_visitors) as percent,
    max(visitors) as visitors,
    max(buyers) as buyers
from cumulated
group by candidate, percent
order by candidate, percent
