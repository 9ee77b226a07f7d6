-- For @days, replace the conversions by the GA4 events with the name @label_event. Events of the same session in the
-- same second are one conversion.
-- @days          ARRAY<DATE>    days whose rows are replaced
-- @suffixes      ARRAY<STRING>  dates of the day-tables to read, as YYYYMMDD
-- @first_suffix  STRING         first of @suffixes
-- @last_suffix   STRING         last of @suffixes
-- @label_event   STRING         name of the event (label.event)
-- @min_revenue   FLOAT64        minimum value of an event that counts (label.min_revenue)
merge into conversions as target
using (
    with
    events as (
        select
            user_pseudo_id as visitor_id,
            (select p.value.int_value from unnest(event_params) as p where p.key = 'ga_session_id') as visit_id,
            parse_date('%Y%m%d', event_date) as day,
            timestamp_seconds(div(event_timestamp, 1000000)) as happened_at,
            (
                select coalesce(p.value.double_value, p.value.float_value, cast(p.value.int_value as float64))
                from unnest(event_params) as p
                where p.key = 'value'
            ) as amount
        from `${source}.events_*`
        where
            _table_suffix between @first_suffix and @last_suffix
            and _table_suffix in unnest(@suffixes)
            and event_name = @label_event
            and user_pseudo_id is not null
            and to_hex(
                sha256(concat((select erasure_key.secret from erasure_key), '|visitor|', user_pseudo_id))
            ) not in (select tombstones.digest from tombstones)
    )

    select
        visitor_id,
        concat(visitor_id, '-', cast(visit_id as string)) as session_id,
        day,
        happened_at,
        coalesce(max(amount), 0) as revenue,
        cast(null as date) as cancelled_on
    from events
    group by visitor_id, session_id, day, happened_at
    having coalesce(max(amount), 0) >= @min_revenue
) as fresh
    on false
when not matched by source
-- With IN UNNEST alone, BigQuery may read all partitions, so BETWEEN limits the days that it reads.
and target.day between parse_date('%Y%m%d', @first_suffix) and parse_date('%Y%m%d', @last_suffix)
and target.day in unnest(@days)
then delete
when not matched then insert row
