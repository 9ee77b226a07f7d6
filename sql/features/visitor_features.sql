-- Replace the rows of those who came for the first time on the days named. Features know the first visit alone; the
-- label is a purchase in a later session, at most @label_days days after, and NULL while that time is not over.
-- @as_of           DATE   last day of the export that the run reads
-- @first_day       DATE   first day whose visitors are replaced
-- @label_days      INT64  days after the first visit within which a purchase counts (label_days)
-- @labelled_until  DATE   last day whose first visits have a known outcome
merge into visitor_features as target
using (
    with
    recent as (
        select *
        from session_features
        where day between @first_day and @as_of
    ),

    first_visits as (
        select *
        from recent
        where is_new_visit
        qualify row_number() over (partition by visitor_id, day order by started_at, session_id) = 1
    ),

    outcomes as (
        select
            first_visits.session_id,
            countif(recent.transactions > 0 and recent.started_at > first_visits.started_at) > 0 as has_bought,
            logical_or(recent.is_internal) as is_internal
        from first_visits
        inner join recent
            on
                first_visits.visitor_id = recent.visitor_id
                and recent.day between first_visits.day and date_add(first_visits.day, interval @label_days day)
        group by first_visits.session_id
    )

    select
        first_visits.visitor_id,
        first_visits.day as first_day,
        first_visits.bounces,
        first_visits.time_on_site,
        first_visits.pageviews,
        first_visits.hits,
        first_visits.furthest_step,
        first_visits.products_viewed,
        first_visits.products_added,
        first_visits.hour,
        first_visits.weekday,
        first_visits.source,
        first_visits.medium,
        first_visits.channel,
        first_visits.device,
        first_visits.country,
        if(first_visits.day <= @labelled_until, cast(outcomes.has_bought as int64), null) as will_buy_on_return_visit
    from first_visits
    inner join outcomes
        on first_visits.session_id = outcomes.session_id
    where not outcomes.is_internal
) as fresh
    on false
when not matched by source and target.first_day between @first_day and @as_of then delete
when not matched then insert row
