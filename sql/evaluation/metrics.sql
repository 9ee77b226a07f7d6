-- One row a candidate: how well it ranks and how true its probabilities are, on the same test visitors.
-- @run_id      STRING   the run
-- @created_on  DATE     day on which the run was opened
-- @threshold   FLOAT64  probability from which a visitor counts as a buyer (policy.coupon_from)
with
scored as (
    select
        candidate,
        visitor_id,
        label,
        probability,
        least(greatest(probability, 1e-15), 1 - 1e-15) as clipped,
        rank() over (partition by candidate order by probability) as lowest_rank,
        rank() over (partition by candidate order by probability desc) as rank_from_top,
        row_number() over (partition by candidate order by probability desc, visitor_id asc) as place,
        count(*) over (partition by candidate) as visitors,
        ntile(10) over (partition by candidate order by probability desc, visitor_id asc) as decile
    from evaluation_rows
    where run_id = @run_id and created_on = @created_on
),

totals as (
    select
        candidate,
        count(*) as visitors,
        sum(label) as positives,
        sum(probability) as expected_positives,
        -- Mann-Whitney: ties share the mean of their lowest and their highest rank.
        safe_divide(
            sum(if(label = 1, (lowest_rank + visitors + 1 - rank_from_top) / 2, 0)) - sum(label) * (sum(label) + 1) / 2,
            sum(label) * (count(*) - sum(label))
        ) as roc_auc,
        -avg(if(label = 1, ln(clipped), ln(1 - clipped))) as log_loss,
        avg(pow(probability - label, 2)) as brier,
        countif(label = 1 and probability >= @threshold) as true_positives,
        countif(label = 0 and probability >= @threshold) as false_positives,
        countif(label = 0 and probability < @threshold) as true_negatives,
        countif(label = 1 and probability < @threshold) as false_negatives,
        safe_divide(avg(if(place <= visitors * 0.05, label, null)), avg(label)) as lift_at_5_percent,
        safe_divide(avg(if(place <= visitors * 0.10, label, null)), avg(label)) as lift_at_10_percent,
        safe_divide(avg(if(place <= visitors * 0.20, label, null)), avg(label)) as lift_at_20_percent
    from scored
    group by candidate
),

thresholds as (
    select
        candidate,
        probability,
        sum(label) as hits,
        sum(sum(label)) over (partition by candidate order by probability desc) as found,
        sum(count(*)) over (partition by candidate order by probability desc) as chosen,
        sum(sum(label)) over (partition by candidate) as positives
    from scored
    group by candidate, probability
),

-- Average precision: precision at each threshold, weighted by the recall it adds.
precisions as (
    select
        candidate,
        sum(safe_divide(hits, positives) * found / chosen) as pr_auc
    from thresholds
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
    precisions.pr_auc,
    calibrations.calibration
from totals
inner join precisions
    on totals.candidate = precisions.candidate
inner join calibrations
    on totals.candidate = calibrations.candidate
order by totals.candidate
