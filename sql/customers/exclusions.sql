-- Replace the reasons why customers may not be reached on @day. The reasons are suppressions and missing consent, as in
-- tables/exclusion_periods.sql, and recent orders. Only customers of the audience and members of destinations have
-- rows.
-- @day           DATE       day of the audience
-- @now           TIMESTAMP  time for which consent and suppressions are looked up
-- @recent_since  DATE       first day of orders that exclude a customer; a day after @day excludes nobody
-- @run_id        STRING     id of the run
merge into exclusions as target
using (
    with
    barred as (
        select
            customer_id,
            channel,
            reason
        from exclusion_periods
        where since <= @now and (until is null or until > @now)
    ),

    recent as (
        select
            links.customer_id,
            channel,
            'bought recently' as reason
        from orders
        inner join customer_visitors as links on orders.visitor_id = links.visitor_id
        cross join unnest(['ads', 'email']) as channel
        where
            orders.day between @recent_since and @day
            and orders.refunded_on is null
            and links.customer_id is not null
    ),

    concerned as (
        select customer_id
        from audience_customers
        where day = @day
        union distinct
        select customer_id
        from destination_members
    ),

    every as (
        select * from barred
        union distinct
        select * from recent
    )

    select
        @day as day,
        every.customer_id,
        every.channel,
        every.reason,
        @run_id as run_id
    from every
    inner join concerned on every.customer_id = concerned.customer_id
) as fresh
    on false
when not matched by source and target.day = @day then delete
when not matched then insert row
