-- Replace all orders by a summary of all reports, so that late reports count too. Reports with the same id are one
-- order. Without an id, reports of the same visitor in the same second are one order. The first report that names a
-- visitor determines the order; other reports repeat it. An order whose reports name no visitor stays only in
-- order_reports.
merge into orders as target
using (
    with
    reports as (
        select
            * except (order_id),
            coalesce(order_id, concat(visitor_id, ' ', cast(unix_seconds(reported_at) as string))) as order_id,
            order_id is not null as has_id
        from order_reports
    ),

    counted as (
        select
            order_id,
            count(*) as reports
        from reports
        where kind = 'order'
        group by order_id
    ),

    -- A report of the shop's server names no session. Such a report gets the session of another report of the same
    -- order and visitor within the next half hour. The limit is half an hour, because Google Analytics then ends a
    -- session. If there are several sessions, the smallest id is taken. This is the earliest session, because an id
    -- ends with the session's time.
    placed as (
        select
            *,
            coalesce(
                session_id,
                min(session_id) over (
                    partition by order_id, visitor_id
                    order by unix_seconds(reported_at)
                    range between current row and 1800 following
                )
            ) as ordered_in
        from reports
        where kind = 'order' and visitor_id is not null
    ),

    firsts as (
        select *
        from placed
        qualify
            row_number() over (
                partition by order_id
                order by reported_at, session_id is null, visitor_id, session_id, amount
            ) = 1
    ),

    -- Reports of the same refund in the same second are one refund.
    refunds as (
        select distinct
            order_id,
            day,
            unix_seconds(reported_at) as second,
            amount
        from reports
        where kind = 'refund' and has_id
    ),

    summed as (
        select
            firsts.order_id,
            refunds.day,
            refunds.amount is null as is_whole,
            firsts.amount as revenue,
            sum(coalesce(refunds.amount, firsts.amount)) over (
                partition by firsts.order_id
                order by refunds.second, refunds.day, refunds.amount
                rows between unbounded preceding and current row
            ) as so_far
        from firsts
        inner join refunds
            on firsts.order_id = refunds.order_id
    ),

    -- If less than half a cent is left after the refunds, the whole revenue counts as refunded, because the rest is a
    -- rounding error.
    refunded as (
        select
            order_id,
            least(max(so_far), max(revenue)) as refunded,
            min(if(is_whole or (so_far > 0 and so_far > revenue - 0.005), day, null)) as refunded_on
        from summed
        group by order_id
    )

    select
        firsts.order_id,
        firsts.visitor_id,
        firsts.ordered_in as session_id,
        firsts.day,
        firsts.reported_at as ordered_at,
        firsts.amount as revenue,
        coalesce(refunded.refunded, 0) as refunded,
        refunded.refunded_on,
        counted.reports
    from firsts
    inner join counted
        on firsts.order_id = counted.order_id
    left join refunded
        on firsts.order_id = refunded.order_id
) as fresh
    on false
when not matched by source then delete
when not matched then insert row
