-- For @days, replace the reports of orders and refunds by those in the GA4 day-tables. A purchase with a negative
-- revenue is a refund. Identical events are one report.
-- @days          ARRAY<DATE>    days whose rows are replaced
-- @suffixes      ARRAY<STRING>  dates of the day-tables to read, as YYYYMMDD
-- @first_suffix  STRING         first of @suffixes
-- @last_suffix   STRING         last of @suffixes
-- @no_ids        ARRAY<STRING>  texts that are not the id of an order, such as (not set)
merge into order_reports as target
using (
    with
    events as (
        select
            parse_date('%Y%m%d', event_date) as day,
            timestamp_micros(event_timestamp) as reported_at,
            trim(ecommerce.transaction_id) as order_id,
            user_pseudo_id as visitor_id,
            (select p.value.int_value from unnest(event_params) as p where p.key = 'ga_session_id') as visit_id,
            event_name,
            ecommerce.purchase_revenue as revenue,
            (
                select coalesce(p.value.double_value, p.value.float_value, cast(p.value.int_value as float64))
                from unnest(event_params) as p
                where p.key = 'value'
            ) as amount
        from `${source}.events_*`
        where
            _table_suffix between @first_suffix and @last_suffix
            and _table_suffix in unnest(@suffixes)
            and event_name in ('purchase', 'refund')
            and to_hex(
                sha256(concat((select erasure_key.secret from erasure_key), '|visitor|', coalesce(user_pseudo_id, '')))
            ) not in (select tombstones.digest from tombstones)
            and to_hex(
                sha256(
                    concat(
                        (select erasure_key.secret from erasure_key),
                        '|order|',
                        coalesce(trim(ecommerce.transaction_id), '')
                    )
                )
            ) not in (select tombstones.digest from tombstones)
    ),

    reports as (
        select
            * except (event_name, revenue, amount),
            if(event_name = 'refund', amount, coalesce(revenue, amount, 0)) as amount,
            event_name = 'refund' or coalesce(revenue, amount, 0) < 0 as is_refund
        from events
    )

    select distinct
        day,
        reported_at,
        if(order_id in unnest(@no_ids), null, order_id) as order_id,
        visitor_id,
        concat(visitor_id, '-', cast(visit_id as string)) as session_id,
        if(is_refund, 'refund', 'order') as kind,
        abs(amount) as amount
    from reports
) as fresh
    on false
when not matched by source
-- With IN UNNEST alone, BigQuery may read all partitions, so BETWEEN limits the days that it reads.
and target.day between parse_date('%Y%m%d', @first_suffix) and parse_date('%Y%m%d', @last_suffix)
and target.day in unnest(@days)
then delete
when not matched then insert row
