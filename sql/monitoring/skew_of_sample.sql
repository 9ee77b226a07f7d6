-- Return one row per feature: how much the first visits from @first_day to @last_day differ from all first visits of
-- the training days. This statement replaces sql/monitoring/skew.sql for a model that has learnt from a sample. The
-- reason is that BigQuery ML would compare with the statistics of the sample, in which buyers are more frequent.
-- @learnt_from   DATE  first training day
-- @learnt_until  DATE  last training day
-- @first_day     DATE  first day of the first visits
-- @last_day      DATE  last day of the first visits
select
    input,
    metric,
    threshold,
    value,
    is_anomaly
from
    ml.validate_data_drift(
        (
            select * except (visitor_id, first_day, will_buy_on_return_visit)
            from visitor_features
            where first_day between @learnt_from and @learnt_until
        ),
        (
            select * except (visitor_id, first_day, will_buy_on_return_visit)
            from visitor_features
            where first_day between @first_day and @last_day
        ),
        struct(0.3 as categorical_default_threshold, 0.3 as numerical_default_threshold)
    )
order by input
