-- Replace one model's predictions for the run's visitors of @split. The probabilities are calibrated
-- (shared/calibration.py).
-- @run_id       STRING          id of the run
-- @created_on   DATE            day on which the run was opened
-- @candidate    STRING          name of the candidate; or champion, best_champion or former_champion
-- @split        STRING          evaluation or test
-- @line_starts  ARRAY<FLOAT64>  log odds at which each line of the calibrator begins
-- @intercepts   ARRAY<FLOAT64>  intercept of each line
-- @slopes       ARRAY<FLOAT64>  slope of each line
merge into evaluation_rows as target
using (
    with
    predicted as (
        select
            visitor_id,
            will_buy_on_return_visit,
            (
                select ln(greatest(p.prob, 1e-15) / greatest(1 - p.prob, 1e-15))
                from unnest(predicted_will_buy_on_return_visit_probs) as p
                where cast(p.label as string) = '1'
            ) as log_odds
        from
            ml.predict(
                model `${model}`,
                (
                    select *
                    from training_rows
                    where run_id = @run_id and created_on = @created_on and split = @split
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
    )

    select
        @run_id as run_id,
        @created_on as created_on,
        @candidate as candidate,
        visitor_id,
        will_buy_on_return_visit as label,
        1 / (1 + exp(-least(greatest(calibrated_log_odds, -35), 35))) as probability,
        @split as split
    from calibrated
) as fresh
    on false
when not matched by source
and target.run_id = @run_id and target.created_on = @created_on
and target.candidate = @candidate and target.split = @split then delete
when not matched then insert row
