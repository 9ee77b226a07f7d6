-- Return one row per decile and offer: the number of visitors that the run has scored, and the sum, minimum and maximum
-- of their probabilities. There are no rows if a later run has scored the same day.
-- @run_id  STRING  id of the run
-- @day     DATE    day of the scores
select
    decile,
    offer,
    count(*) as visitors,
    sum(probability) as expected,
    min(probability) as lowest,
    max(probability) as highest
from scores
where day = @day and run_id = @run_id
group by decile, offer
order by decile, offer
