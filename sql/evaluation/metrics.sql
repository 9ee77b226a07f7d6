-- Return one row per candidate: the numbers of expected and actual buyers, of true and false positives and negatives at
-- @threshold, and the calibration by deciles.
-- @run_id      STRING   id of the run
-- @created_on  DATE     day on which the run was opened
-- @split       STRING   split whose visitors count: evaluation or test
-- @threshold   FLOAT64  probability from which a visitor counts as a buyer (policy.coupon_from)
with
scored as (
    select
        candidate,
        label,
        probability,
        ntile(10) over (partition by candidate order by probability desc, visitor_id asc) as decile
    from evaluation_rows
    where run_id = @run_id and created_on = @created_on and split = @split
),

totals as (
    select
        candidate,
        count(*) as visitors,
        sum(label) as positives,
        sum(probability) as expected_positives,
        countif(label = 1 and probability >= @threshold) as true_positives,
        countif(label = 0 and probability >= @threshold) as false_positives,
        countif(label = 0 and probability < @threshold) as true_negatives,
        countif(label = 1 and probability < @threshold) as false_negatives
    from scored
    group by candidate
),

deciles as (
    select
        candidate,
        decile,
        count(*) as visitors,
        avg(probability) as predicted,
        avg(label) as observed
    from scored
    group by candidate, decile
),

calibrations as (
    select
        candidate,
        array_agg(
            struct(decile as decile, visitors as visitors, predicted as predicted, observed as observed)
            order by decile
        ) as calibration
    from deciles
    group by candidate
)

select
    totals.*,
    calibrations.calibration
from totals
inner join calibrations
    on totals.candidate = calibrations.candidate
order by totals.candidate
