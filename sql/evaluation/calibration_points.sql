-- Summarise one model's log odds for the visitors of @split in bins. Each bin has an equal share of the expected
-- buyers. A hash assigns each visitor to one of eight folds. For each fold and bin, there is one row for buyers and one
-- for visitors who did not buy, with the mean log odds and the number of rows.
-- @run_id      STRING  id of the run
-- @created_on  DATE    day on which the run was opened
-- @candidate   STRING  name of the candidate
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
        -- Rows with the same probability are in the same bin.
        ceil(@bins * sum(probability) over (order by probability) / sum(probability) over ()) as bin
    from clipped
)

select
    fold,
    label,
    -- The mean is rounded, since the mean of equal numbers can differ from these numbers in the last digits.
    round(avg(log_odds), 9) as log_odds,
    count(*) as row_count
from binned
group by fold, bin, label
order by log_odds, fold, label
