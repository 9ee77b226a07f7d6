-- Return one row per segment of the test visitors: the numbers of visitors, of buyers, and of buyers that the winner
-- expected. The segment is NULL for all segments that are not among the largest of their kind.
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

counted as (
    select
        members.kind,
        members.segment,
        count(*) as visitors,
        sum(scored.label) as buyers,
        sum(scored.probability) as expected
    from members
    inner join scored
        on members.visitor_id = scored.visitor_id
    group by members.kind, members.segment
),

ranked as (
    select
        kind,
        visitors,
        buyers,
        expected,
        if(row_number() over (partition by kind order by visitors desc, segment asc) <= @most, segment, null) as segment
    from counted
)

select
    kind,
    segment,
    sum(visitors) as visitors,
    sum(buyers) as buyers,
    sum(expected) as expected
from ranked
group by kind, segment
order by kind asc, segment is null asc, visitors desc, segment asc
