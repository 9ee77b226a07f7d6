-- Add the events of a message, except events of erased customers. Each delivery of the message adds the events again;
-- the view `lifecycles` counts each event once. The statement is an INSERT, because an INSERT does not read the table
-- and waits for no other statement. So many messages at once cost little.
-- @event_ids    ARRAY<STRING>     the sender's id of each event
-- @ids          ARRAY<STRING>     the shop's id of each event's customer
-- @campaigns    ARRAY<STRING>     name of each event's campaign
-- @channels     ARRAY<STRING>     ads, email or all
-- @event_kinds  ARRAY<STRING>     sent, delivered, opened, clicked, bought, bounced, complained or unsubscribed
-- @times        ARRAY<TIMESTAMP>  time of each event
-- @bounces      ARRAY<STRING>     hard or soft; empty if the event is no bounce
-- @order_ids    ARRAY<STRING>     the order that the platform claims; empty if it names none
-- @amounts      ARRAY<FLOAT64>    the amount that the platform claims; 0 if it names none
-- @currencies   ARRAY<STRING>     currency of each amount; empty if there is no amount
-- @received_at  TIMESTAMP         time at which the message was published
insert into campaign_events (
    happened_on,
    customer_id,
    campaign,
    channel,
    kind,
    event_id,
    happened_at,
    bounce,
    order_id,
    amount,
    currency,
    received_at
)
select
    date(@times[offset(position)]) as happened_on,
    @ids[offset(position)] as customer_id,
    @campaigns[offset(position)] as campaign,
    @channels[offset(position)] as channel,
    @event_kinds[offset(position)] as kind,
    event_id,
    @times[offset(position)] as happened_at,
    nullif(@bounces[offset(position)], '') as bounce,
    nullif(@order_ids[offset(position)], '') as order_id,
    if(@currencies[offset(position)] = '', null, @amounts[offset(position)]) as amount,
    nullif(@currencies[offset(position)], '') as currency,
    @received_at as received_at
from
    unnest(@event_ids) as event_id
    with offset as position
where
    to_hex(sha256(concat((select erasure_key.secret from erasure_key), '|customer|', @ids[offset(position)])))
    not in (select tombstones.digest from tombstones)
