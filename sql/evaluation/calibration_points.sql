-- One model's log odds of the visitors of a split and what came of them, as few points: buyers and others of a bin,
-- each with their mean. A bin holds an equal share of the expected buyers, so most bins lie where most is learnt. Each
-- visitor is in one of eight folds, by a hash.
-- @run_id      STRING  the run
-- @created_on  DATE    day on which the run was opened
-- @candidate   STRING  the candidate
-- @split       STRING  evaluation or test
-- @bins        INT64   number of bins
with
clipped as (
    select
        label,
        least(greatest(probability, 1e-15), 1 - 1e-15) as probability,
        div(strpos('0123456789abcdef', substr(to_hex(md5(visitor_id)), 1, 1)) - 1, 2) as fold
    from evaluation_rows
    where run_id = @run_id and created_on = @created_on and candidate = @candidate and split = @split
),

binned as (
    select
        fold,
        label,
        ln(probability / (1 - probability)) as log_odds,
        -- Those of the same probability are in one bin.
        ceil(@bins * sum(probability) over (order by probability) / sum(probability) over ()) as bin
    from clipped
)

select
    fold,
    label,
    -- A mean of equal numbers differs from them in its last digits.
    round(avg(log_odds), 9) as log_odds,
    count(*) as row_count
from binned
group by fold, bin, label
order by log_odds, fold, label
