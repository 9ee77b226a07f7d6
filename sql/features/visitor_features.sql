-- From @first_day to @as_of, replace the rows of first visits. The features describe only the first visit. Their values
-- are computed per session in sql/sessions/, and read through the view session_features.
--
-- The label says whether a conversion followed within @label_days days. It is NULL for first visits after
-- @labelled_until. A conversion without a session counts if the visit's last hit is more than half an hour earlier. A
-- cancelled conversion counts if it was cancelled after these @label_days days.
-- @as_of           DATE   last day of the export that the run reads
-- @first_day       DATE   first day whose first visits are replaced
-- @label_days      INT64  number of days after the first visit in which a conversion counts (label_days)
-- @labelled_until  DATE   last day whose first visits have a known label
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

    people as (
        select
            first_visits.session_id,
            logical_or(recent.is_internal) as is_internal
        from first_visits
        inner join recent
            on
                first_visits.visitor_id = recent.visitor_id
                and recent.day between first_visits.day and date_add(first_visits.day, interval @label_days day)
        group by first_visits.session_id
    ),

    buyers as (
        select distinct first_visits.session_id
        from first_visits
        inner join conversions
            on
                first_visits.visitor_id = conversions.visitor_id
                and conversions.day between first_visits.day and date_add(first_visits.day, interval @label_days day)
        where
            conversions.day between @first_day and @as_of
            and conversions.happened_at > first_visits.started_at
            and if(
                conversions.session_id is null,
                timestamp_diff(conversions.happened_at, first_visits.started_at, second)
                > coalesce(first_visits.time_on_site, 0) + 1800,
                conversions.session_id != first_visits.session_id
            )
            and (
                conversions.cancelled_on is null
                or conversions.cancelled_on > date_add(first_visits.day, interval @label_days day)
            )
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
        if(first_visits.day <= @labelled_until, cast(buyers.session_id is not null as int64), null)
            as will_buy_on_return_visit
    from first_visits
    inner join people
        on first_visits.session_id = people.session_id
    left join buyers
        on first_visits.session_id = buyers.session_id
    where not people.is_internal
) as fresh
    on false
when not matched by source and target.first_day between @first_day and @as_of then delete
when not matched then insert row
