-- For @days, replace the conversions by the GA360 events with the category and action in @label_event. Several such
-- events of a session in one day-table count as one conversion.
-- @days          ARRAY<DATE>    days whose rows are replaced
-- @suffixes      ARRAY<STRING>  dates of the day-tables to read, as YYYYMMDD
-- @first_suffix  STRING         first of @suffixes
-- @last_suffix   STRING         last of @suffixes
-- @label_event   STRING         category and action of the event, with a slash between them (label.event)
-- @min_revenue   FLOAT64        minimum value of an event that counts (label.min_revenue)
merge into conversions as target
using (
    with
    -- Day-tables are selected before the hits are unnested; sessions/from_ga360 explains why.
    visits as (
        select
            fullVisitorId as visitor_id,
            visitId as visit_id,
            parse_date('%Y%m%d', date) as day,
            timestamp_seconds(visitStartTime) as started_at,
            hits
        from `${source}.ga_sessions_*`
        where
            _table_suffix between @first_suffix and @last_suffix
            and _table_suffix in unnest(@suffixes)
            and totals.visits is not null
            and fullVisitorId != ''
            and to_hex(
                sha256(concat((select erasure_key.secret from erasure_key), '|visitor|', fullVisitorId))
            ) not in (select tombstones.digest from tombstones)
    ),

    events as (
        select
            visits.visitor_id,
            visits.visit_id,
            visits.day,
            visits.started_at,
            concat(hit.eventInfo.eventCategory, '/', hit.eventInfo.eventAction) as event,
            hit.eventInfo.eventValue as amount
        from visits, unnest(visits.hits) as hit
    )

    select
        visitor_id,
        concat(visitor_id, '-', cast(visit_id as string)) as session_id,
        day,
        started_at as happened_at,
        cast(coalesce(max(amount), 0) as float64) as revenue,
        cast(null as date) as cancelled_on
    from events
    where event = @label_event
    group by visitor_id, session_id, day, started_at
    having coalesce(max(amount), 0) >= @min_revenue
) as fresh
    on false
when not matched by source
-- With IN UNNEST alone, BigQuery may read all partitions, so BETWEEN limits the days that it reads.
and target.day between parse_date('%Y%m%d', @first_suffix) and parse_date('%Y%m%d', @last_suffix)
and target.day in unnest(@days)
then delete
when not matched then insert row
