-- Return test visitors with the calibrated probabilities (shared/calibration.py) of ML.PREDICT. The most and the least
-- likely buyers are among them. The endpoint must return the same probabilities.
-- @run_id       STRING          id of the run
-- @created_on   DATE            day on which the run was opened
-- @rows         INT64           maximum number of rows to return (serving.golden_rows)
-- @line_starts  ARRAY<FLOAT64>  log odds at which each line of the calibrator begins
-- @intercepts   ARRAY<FLOAT64>  intercept of each line
-- @slopes       ARRAY<FLOAT64>  slope of each line
with
predicted as (
    select
        * except (
            run_id,
            created_on,
            split,
            visitor_id,
            first_day,
            will_buy_on_return_visit,
            predicted_will_buy_on_return_visit,
            predicted_will_buy_on_return_visit_probs
        ),
        (
            select ln(greatest(p.prob, 1e-15) / greatest(1 - p.prob, 1e-15))
            from unnest(predicted_will_buy_on_return_visit_probs) as p
            where cast(p.label as string) = '1'
        ) as log_odds,
        md5(visitor_id) as shuffled
    from
        ml.predict(
            model `${model}`,
            (
                select *
                from training_rows
                where run_id = @run_id and created_on = @created_on and split = 'test'
            )
        )
),

on_lines as (
    select
        *,
        range_bucket(log_odds, @line_starts) as line
    from predicted
),

calibrated as (
    select
        *,
        @intercepts[ordinal(line)] + @slopes[ordinal(line)] * log_odds as calibrated_log_odds
    from on_lines
),

expected as (
    select
        * except (log_odds, line, calibrated_log_odds),
        1 / (1 + exp(-least(greatest(calibrated_log_odds, -35), 35))) as expected_probability
    from calibrated
),

placed as (
    select
        *,
        row_number() over (order by expected_probability desc, shuffled asc) as from_top,
        row_number() over (order by expected_probability, shuffled) as from_bottom,
        row_number() over (order by shuffled) as at_random
    from expected
)

select * except (shuffled, from_top, from_bottom, at_random)
from placed
where from_top <= @rows / 4 or from_bottom <= @rows / 4 or at_random <= @rows / 2
order by expected_probability, shuffled
