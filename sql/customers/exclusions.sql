-- Replace the reasons of @day why customers may not be reached. Of the statements about a purpose, the latest counts;
-- of two at the same time, the refusal counts. Without a statement there is no consent. For analytics, only a refusal
-- counts. A reason of the shop's that is not a few lower-case words may hold personal data, and is not repeated. Only
-- customers of the audience and members of destinations have rows. messages/recipient.sql has the same rules for one
-- customer and the channel `email`: change them together.
-- @day           DATE       day of the audience
-- @now           TIMESTAMP  time up to which statements count
-- @recent_since  DATE       first day of orders that exclude a customer; a day after @day excludes nobody
-- @run_id        STRING     id of the run
merge into exclusions as target
using (
    with
    channels as (
        select
            need.channel,
            need.purpose
        from
            unnest([
                struct('ads' as channel, 'ad_user_data' as purpose),
                ('ads', 'ad_personalization'),
                ('email', 'email')
            ]) as need
    ),

    latest as (
        select
            customer_id,
            purpose,
            is_granted
        from consents
        where stated_at <= @now
        qualify
            row_number() over (partition by customer_id, purpose order by stated_at desc, is_granted asc) = 1
    ),

    refused as (
        select
            customers.customer_id,
            channels.channel,
            concat('no consent to ', channels.purpose) as reason
        from customers
        cross join channels
        left join latest
            on customers.customer_id = latest.customer_id and channels.purpose = latest.purpose
        where not coalesce(latest.is_granted, false)
        union all
        select
            customer_id,
            channel,
            'no consent to analytics' as reason
        from latest
        cross join unnest(['ads', 'email']) as channel
        where purpose = 'analytics' and not is_granted
    ),

    suppressed as (
        select
            known_suppressions.customer_id,
            channel,
            concat(
                'suppressed: ',
                if(
                    regexp_contains(known_suppressions.reason, r'^[a-z][a-z_ ]{0,39}\z'),
                    known_suppressions.reason,
                    'another reason'
                )
            ) as reason
        from known_suppressions
        cross join unnest(['ads', 'email']) as channel
        where
            known_suppressions.channel in (channel, 'all')
            and known_suppressions.since <= @now
            and (known_suppressions.until is null or known_suppressions.until > @now)
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
        select * from refused
        union distinct
        select * from suppressed
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
