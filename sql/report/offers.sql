-- One row a decile and offer: how many visitors the run has scored with which probabilities. There are none if another
-- run has scored the day since.
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
