-- Return one row per feature: how much the first visits from @first_day to @last_day differ from the model's training
-- data. The thresholds are BigQuery ML's defaults.
-- @first_day  DATE  first day of the first visits
-- @last_day   DATE  last day of the first visits
select
    input,
    metric,
    threshold,
    value,
    is_anomaly
from
    ml.validate_data_skew(
        model `${model}`,
        (
            select * except (visitor_id, first_day, will_buy_on_return_visit)
            from visitor_features
            where first_day between @first_day and @last_day
        ),
        struct(0.3 as categorical_default_threshold, 0.3 as numerical_default_threshold)
    )
order by input
