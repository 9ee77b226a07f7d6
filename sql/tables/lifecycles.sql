-- Return the lifecycle of each customer in each campaign. The view uses only the count, the earliest and latest time,
-- and the highest rank of events. So the order in which events arrive does not matter. An event counts once, even if it
-- was delivered several times. If two deliveries of an event name different times, the earlier time counts.
with
ranked as (
    select
        kind,
        rank
    from
        unnest(
            ['sent', 'bounced', 'delivered', 'opened', 'clicked', 'bought', 'unsubscribed', 'complained']
        ) as kind
        with offset as rank
),

distinct_events as (
    select
        campaign,
        customer_id,
        channel,
        kind,
        event_id,
        min(happened_at) as happened_at
    from `${dataset}.campaign_events`
    group by campaign, customer_id, channel, kind, event_id
),

by_channel as (
    select
        distinct_events.campaign,
        distinct_events.customer_id,
        distinct_events.channel,
        distinct_events.kind,
        ranked.rank,
        min(distinct_events.happened_at) as first_at,
        max(distinct_events.happened_at) as last_at,
        count(*) as events
    from distinct_events
    inner join ranked on distinct_events.kind = ranked.kind
    group by
        distinct_events.campaign,
        distinct_events.customer_id,
        distinct_events.channel,
        distinct_events.kind,
        ranked.rank
)

select
    campaign,
    customer_id,
    array_agg(kind order by rank desc limit 1)[offset(0)] as state,
    min(if(kind = 'sent', first_at, null)) as sent_at,
    min(if(kind = 'delivered', first_at, null)) as delivered_at,
    min(if(kind = 'opened', first_at, null)) as opened_at,
    min(if(kind = 'clicked', first_at, null)) as clicked_at,
    min(if(kind = 'bought', first_at, null)) as bought_at,
    min(if(kind = 'bounced', first_at, null)) as bounced_at,
    min(if(kind = 'complained', first_at, null)) as complained_at,
    min(if(kind = 'unsubscribed', first_at, null)) as unsubscribed_at,
    array_agg(struct(channel, kind, first_at, last_at, events) order by channel, rank) as by_channel
from by_channel
group by campaign, customer_id
