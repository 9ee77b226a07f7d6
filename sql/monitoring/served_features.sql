-- Compare the inputs of served checkouts with the features of the same sessions in BigQuery; one row per feature. A
-- checkout belongs to the visitor's last session that began before the checkout. This session must have a hit in the
-- half hour before the checkout. Of several checkouts in a session, the last one counts. Staff and robots do not count.
-- Bounces are left out, because a session that continues may no longer be a bounce.
--
-- Categories, hour and weekday must be equal, if the shop sent them. A count grows until the session ends. Therefore,
-- the count at the checkout must not exceed the count of the whole session.
-- @first_day   DATE           first day of the checkouts
-- @last_day    DATE           last day of the checkouts
-- @visitors    ARRAY<STRING>  visitors to compare
-- @pseudonyms  ARRAY<STRING>  the keyed hash of each visitor, as in the log
with
people as (
    select
        visitor_id,
        @pseudonyms[offset(position)] as pseudonym
    from
        unnest(@visitors) as visitor_id
        with offset as position
),

checkouts as (
    select
        people.visitor_id,
        log.timestamp as scored_at,
        log.jsonpayload.prediction.features as given
    from run_googleapis_com_stdout as log
    inner join people on log.jsonpayload.prediction.visitor = people.pseudonym
    where
        log.timestamp >= timestamp(@first_day)
        and log.timestamp < timestamp(date_add(@last_day, interval 2 day))
        and log.jsonpayload.prediction is not null
),

matched as (
    select
        sessions,
        checkouts.scored_at,
        checkouts.given
    from checkouts
    inner join session_features as sessions
        on
            checkouts.visitor_id = sessions.visitor_id
            and checkouts.scored_at >= sessions.started_at
            and timestamp_diff(checkouts.scored_at, sessions.started_at, second)
            <= coalesce(sessions.time_on_site, 0) + 1800
    where sessions.day between @first_day and @last_day and not sessions.is_internal
    qualify
        row_number() over (
            partition by checkouts.visitor_id, checkouts.scored_at order by sessions.started_at desc
        ) = 1
),

last_checkouts as (
    select *
    from matched
    qualify row_number() over (partition by sessions.session_id order by scored_at desc) = 1
),

compared as (
    select
        [
            struct('time_on_site' as feature, given.time_on_site <= sessions.time_on_site as agrees),
            struct('pageviews', given.pageviews <= sessions.pageviews),
            struct('hits', given.hits <= sessions.hits),
            struct('furthest_step', given.furthest_step <= sessions.furthest_step),
            struct('products_viewed', given.products_viewed <= sessions.products_viewed),
            struct('products_added', given.products_added <= sessions.products_added),
            struct('hour', given.hour = sessions.hour),
            struct('weekday', given.weekday = sessions.weekday),
            struct('source', nullif(given.source, 'missing') = sessions.source),
            struct('medium', nullif(given.medium, 'missing') = sessions.medium),
            struct('channel', nullif(given.channel, 'missing') = sessions.channel),
            struct('device', nullif(given.device, 'missing') = sessions.device),
            struct('country', nullif(given.country, 'missing') = sessions.country)
        ] as features
    from last_checkouts
)

select
    one.feature,
    count(*) as checkouts,
    countif(one.agrees is not null) as compared,
    countif(not one.agrees) as contradictions
from compared
cross join unnest(compared.features) as one
group by one.feature
order by one.feature
