-- Replace all orders by what all reports say, so that a report that came late counts as if it had come in time. An
-- order is what has one id, or without an id what one visitor did in one second. Its first report that names a visitor
-- counts; others repeat it. An order that no visitor can be named for stays in order_reports alone.
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

    -- Where the shop's server was first, the session is that of the page which told the same order within half an hour,
    -- after which Google Analytics ends a session. Of several the least id is the earliest: it ends with a time.
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

    -- The same refund in the same second is told twice.
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

    -- Less than half a cent is no remainder but what sums of decimals leave.
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
