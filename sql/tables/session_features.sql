-- Return the sessions with the category `missing` instead of NULL. The functions that score checkouts also replace NULL
-- by `missing`.
select
    session_id,
    visitor_id,
    day,
    started_at,
    is_new_visit,
    is_internal,
    transactions,
    bounces,
    time_on_site,
    pageviews,
    hits,
    furthest_step,
    products_viewed,
    products_added,
    hour,
    weekday,
    coalesce(source, 'missing') as source,
    coalesce(medium, 'missing') as medium,
    coalesce(channel, 'missing') as channel,
    coalesce(device, 'missing') as device,
    coalesce(country, 'missing') as country
from `${dataset}.sessions`
