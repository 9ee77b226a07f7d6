-- Source, medium, channel, device and country each have a value in enough sessions.
-- @as_of           DATE     last day of the export that the run reads
-- @first_day       DATE     first day whose data have changed
-- @max_null_share  FLOAT64  maximum share of sessions without a value, 0 to 1 (checks.max_null_share)
with
shares as (
    select
        safe_divide(countif(source is null), count(*)) as source,
        safe_divide(countif(medium is null), count(*)) as medium,
        safe_divide(countif(channel is null), count(*)) as channel,
        safe_divide(countif(device is null), count(*)) as device,
        safe_divide(countif(country is null), count(*)) as country
    from sessions
    where day between @first_day and @as_of
)

select
    coalesce(greatest(source, medium, channel, device, country) <= @max_null_share, true) as is_ok,
    format(
        'missing: source %.2f, medium %.2f, channel %.2f, device %.2f, country %.2f',
        source, medium, channel, device, country
    ) as found
from shares
