-- Return the predictions in the functions' log, with the types of the table `scores`. An entry that Cloud Logging wrote
-- twice counts once. Each delivery of the same checkout-started message logs the same score, which counts once.
select
    timestamp as scored_at,
    date(timestamp) as day,
    jsonPayload.prediction.request_id,
    jsonPayload.prediction.visitor,
    jsonPayload.prediction.source,
    jsonPayload.prediction.scored_by,
    jsonPayload.prediction.model_version,
    jsonPayload.prediction.probability,
    cast(jsonPayload.prediction.decile as int64) as decile,
    jsonPayload.prediction.offer,
    jsonPayload.prediction.next_products,
    jsonPayload.prediction.latency_ms,
    struct(
        cast(jsonPayload.prediction.features.bounces as int64) as bounces,
        cast(jsonPayload.prediction.features.time_on_site as int64) as time_on_site,
        cast(jsonPayload.prediction.features.pageviews as int64) as pageviews,
        cast(jsonPayload.prediction.features.hits as int64) as hits,
        cast(jsonPayload.prediction.features.furthest_step as int64) as furthest_step,
        cast(jsonPayload.prediction.features.products_viewed as int64) as products_viewed,
        cast(jsonPayload.prediction.features.products_added as int64) as products_added,
        cast(jsonPayload.prediction.features.hour as int64) as hour,
        jsonPayload.prediction.features.weekday as weekday,
        jsonPayload.prediction.features.source as source,
        jsonPayload.prediction.features.medium as medium,
        jsonPayload.prediction.features.channel as channel,
        jsonPayload.prediction.features.device as device,
        jsonPayload.prediction.features.country as country
    ) as features
from `${dataset}.run_googleapis_com_stdout`
where jsonPayload.prediction is not null
qualify
    row_number() over (
        partition by
            if(jsonPayload.prediction.source = 'on_checkout', jsonPayload.prediction.request_id, insertId),
            if(jsonPayload.prediction.source = 'on_checkout', null, timestamp)
        order by timestamp
    ) = 1
