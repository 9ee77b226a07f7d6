-- Add the suppressions that events have caused, unless they are in the table already or the customer was erased. A
-- suppression that the shop has ended stays in the table, so a second delivery does not add it again.
-- @event_ids  ARRAY<STRING>     the sender's id of each event
-- @ids        ARRAY<STRING>     the shop's id of each event's customer
-- @campaigns  ARRAY<STRING>     name of each event's campaign
-- @channels   ARRAY<STRING>     ads, email, or all
-- @why        ARRAY<STRING>     hard bounce, complaint or unsubscribe
-- @times      ARRAY<TIMESTAMP>  time from which each suppression counts
insert into campaign_suppressions (customer_id, channel, reason, since, campaign, event_id)
with
fresh as (
    select
        event_id,
        @ids[offset(position)] as customer_id,
        @channels[offset(position)] as channel,
        @why[offset(position)] as reason,
        @times[offset(position)] as since,
        @campaigns[offset(position)] as campaign
    from
        unnest(@event_ids) as event_id
        with offset as position
    where
        to_hex(sha256(concat((select erasure_key.secret from erasure_key), '|customer|', @ids[offset(position)])))
        not in (select tombstones.digest from tombstones)
)

select
    fresh.customer_id,
    fresh.channel,
    fresh.reason,
    min(fresh.since) as since,
    fresh.campaign,
    fresh.event_id
from fresh
left join campaign_suppressions as known
    on
        fresh.event_id = known.event_id
        and fresh.customer_id = known.customer_id
        and fresh.campaign = known.campaign
        and fresh.channel = known.channel
        and fresh.reason = known.reason
where known.event_id is null
group by fresh.customer_id, fresh.channel, fresh.reason, fresh.campaign, fresh.event_id
