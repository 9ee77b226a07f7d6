-- Return how well one model's probabilities fit the visitors of a split. The row has the numbers of observed and
-- expected buyers, and sums from which two variances are computed. The first is the variance of the ratio of observed
-- to expected buyers. The second is the variance of @intercept and @slope, which a logistic regression of the label on
-- the log odds has determined before. All rows of a visitor count as one observation.
-- @run_id      STRING   id of the run
-- @created_on  DATE     day on which the run was opened
-- @candidate   STRING   name of the candidate
-- @split       STRING   split whose visitors count, e.g. test
-- @intercept   FLOAT64  intercept of the line
-- @slope       FLOAT64  slope of the line
with
clipped as (
    select
        visitor_id,
        label,
        least(greatest(probability, 1e-15), 1 - 1e-15) as probability
    from evaluation_rows
    where run_id = @run_id and created_on = @created_on and candidate = @candidate and split = @split
),

placed as (
    select
        *,
        ln(probability / (1 - probability)) as log_odds
    from clipped
),

on_line as (
    select
        *,
        1 / (1 + exp(-least(greatest(@intercept + @slope * log_odds, -35), 35))) as by_line
    from placed
),

visitors as (
    select
        visitor_id,
        sum(label) as observed,
        sum(probability) as expected,
        sum(label - by_line) as residual,
        sum((label - by_line) * log_odds) as tilt,
        sum(by_line * (1 - by_line)) as information,
        sum(by_line * (1 - by_line) * log_odds) as information_mixed,
        sum(by_line * (1 - by_line) * pow(log_odds, 2)) as information_of_slope
    from on_line
    group by visitor_id
),

-- `moved` is observed - expected * ratio, where the ratio is sum(observed) / sum(expected) over all visitors. A
-- visitor's influence on the ratio is moved / sum(expected).
centred as (
    select
        *,
        observed - expected * safe_divide(sum(observed) over (), sum(expected) over ()) as moved
    from visitors
)

select
    count(*) as visitors,
    countif(observed > 0) as visitors_with_buyers,
    coalesce(sum(observed), 0) as observed,
    coalesce(sum(expected), 0) as expected,
    sum(pow(moved, 2)) as ratio_squares,
    sum(pow(moved, 3)) as ratio_cubes,
    sum(pow(residual, 2)) as residual_squares,
    sum(residual * tilt) as products,
    sum(pow(tilt, 2)) as tilt_squares,
    sum(information) as information,
    sum(information_mixed) as information_mixed,
    sum(information_of_slope) as information_of_slope
from centred
