-- Replace the predictions of served checkouts whose outcome is known, as split `served` of the run's rows. The label
-- says whether a conversion followed within @label_days days in a later session. A conversion without a session counts
-- if it came more than half an hour after the checkout. Of several checkouts of a visitor, the first counts.
-- @run_id      STRING         id of the run
-- @created_on  DATE           day on which the run was opened
-- @candidate   STRING         name of the candidate: champion
-- @version     STRING         version of the registered model whose checkouts count
-- @first_day   DATE           first day of the checkouts
-- @last_day    DATE           last day of the checkouts, whose outcomes are known
-- @label_days  INT64          number of days in which a conversion counts (label_days)
-- @visitors    ARRAY<STRING>  visitors to measure
-- @pseudonyms  ARRAY<STRING>  the keyed hash of each visitor, as in the log
merge into evaluation_rows as target
using (
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
            log.jsonpayload.prediction.probability
        from run_googleapis_com_stdout as log
        inner join people on log.jsonpayload.prediction.visitor = people.pseudonym
        where
            log.timestamp >= timestamp(@first_day)
            and log.timestamp < timestamp(date_add(@last_day, interval 2 day))
            and log.jsonpayload.prediction.model_version = @version
    ),

    served as (
        select
            checkouts.*,
            sessions.session_id,
            sessions.day
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
                partition by checkouts.visitor_id order by checkouts.scored_at asc, sessions.started_at desc
            ) = 1
    ),

    buyers as (
        select distinct served.visitor_id
        from served
        inner join conversions
            on
                served.visitor_id = conversions.visitor_id
                and conversions.day between served.day and date_add(served.day, interval @label_days day)
        where
            conversions.day between @first_day and date_add(@last_day, interval @label_days day)
            and conversions.happened_at > served.scored_at
            and if(
                conversions.session_id is null,
                timestamp_diff(conversions.happened_at, served.scored_at, second) > 1800,
                conversions.session_id != served.session_id
            )
            and (
                conversions.cancelled_on is null
                or conversions.cancelled_on > date_add(served.day, interval @label_days day)
            )
    )

    select
        @run_id as run_id,
        @created_on as created_on,
        @candidate as candidate,
        served.visitor_id,
        cast(buyers.visitor_id is not null as int64) as label,
        served.probability,
        'served' as split
    from served
    left join buyers on served.visitor_id = buyers.visitor_id
) as fresh
    on false
when not matched by source
and target.run_id = @run_id and target.created_on = @created_on and target.split = 'served' then delete
when not matched then insert row
