-- Return one row per segment of the test visitors, with the numbers of visitors, buyers and expected buyers. Expected
-- buyers are the sum of the winner's probabilities. The row also has the ROC AUC and its variance (DeLong, DeLong and
-- Clarke-Pearson 1988). The segment is NULL for all segments that are not among the largest of their kind.
-- @run_id      STRING  id of the run
-- @created_on  DATE    day on which the run was opened
-- @candidate   STRING  name of the run's winner
-- @most        INT64   maximum number of segments of a kind
with
visitors as (
    select
        visitor_id,
        device,
        channel,
        country
    from training_rows
    where run_id = @run_id and created_on = @created_on and split = 'test'
),

members as (
    select
        visitor_id,
        kind,
        segment
    from visitors
    unpivot (segment for kind in (device, channel, country))
),

-- If a visitor has two first visits among the test rows, the mean of both probabilities counts.
scored as (
    select
        visitor_id,
        avg(probability) as probability,
        max(label) as label
    from evaluation_rows
    where run_id = @run_id and created_on = @created_on and split = 'test' and candidate = @candidate
    group by visitor_id
),

sizes as (
    select
        members.kind,
        members.segment,
        row_number() over (partition by members.kind order by count(*) desc, members.segment asc) <= @most as is_large
    from members
    inner join scored
        on members.visitor_id = scored.visitor_id
    group by members.kind, members.segment
),

segmented as (
    select
        members.kind,
        scored.label,
        scored.probability,
        if(sizes.is_large, members.segment, null) as segment
    from members
    inner join scored
        on members.visitor_id = scored.visitor_id
    inner join sizes
        on members.kind = sizes.kind and members.segment = sizes.segment
),

ranked as (
    select
        *,
        sum(label) over (partition by kind, segment) as buyers,
        sum(1 - label) over (partition by kind, segment) as others,
        -- `..._up_to` counts the visitors with at most this visitor's probability, `..._from` those with at least this
        -- probability.
        sum(label) over (partition by kind, segment order by probability asc) as buyers_up_to,
        sum(label) over (partition by kind, segment order by probability desc) as buyers_from,
        sum(1 - label) over (partition by kind, segment order by probability asc) as others_up_to,
        sum(1 - label) over (partition by kind, segment order by probability desc) as others_from
    from segmented
),

-- The placement of a visitor is the share of the visitors of the other class that are ranked correctly relative to the
-- visitor. Ties count one half.
placed as (
    select
        kind,
        segment,
        label,
        probability,
        if(
            label = 1,
            safe_divide(others + others_up_to - others_from, 2 * others),
            safe_divide(buyers + buyers_from - buyers_up_to, 2 * buyers)
        ) as placement
    from ranked
)

select
    kind,
    segment,
    count(*) as visitors,
    sum(label) as buyers,
    sum(probability) as expected,
    avg(if(label = 1, placement, null)) as roc_auc,
    var_samp(if(label = 1, placement, null)) / nullif(countif(label = 1), 0)
    + var_samp(if(label = 0, placement, null)) / nullif(countif(label = 0), 0) as roc_auc_variance
from placed
group by kind, segment
order by kind asc, segment is null asc, visitors desc, segment asc
