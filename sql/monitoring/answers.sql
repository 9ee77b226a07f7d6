-- Count how the checkouts of score_checkout in a period ended: one row per model version. The version is "" for
-- failures that name no version.
-- @since    TIMESTAMP  beginning of the period
-- @until    TIMESTAMP  end of the period, exclusive
-- @first    STRING     scorer that answers unless it fails: endpoint or embedded
-- @slow_ms  FLOAT64    milliseconds from which an answer is slow (monitoring.slow_ms)
select
    coalesce(jsonpayload.prediction.model_version, jsonpayload.model_version, '') as version,
    countif(jsonpayload.event = 'checkout_scored') as scored,
    countif(jsonpayload.prediction.scored_by != @first) as replaced,
    countif(jsonpayload.prediction.latency_ms > @slow_ms) as slow,
    countif(jsonpayload.event != 'checkout_scored') as failed
from run_googleapis_com_stdout
where
    timestamp >= @since
    and timestamp < @until
    and coalesce(jsonpayload.prediction.source, 'score_checkout') = 'score_checkout'
    and jsonpayload.event in ('checkout_scored', 'no_scorer', 'request_failed')
group by version
order by version
