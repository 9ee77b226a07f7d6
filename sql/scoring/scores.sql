-- Replace the scores of @day: the calibrated probability (shared/calibration.py) of each visitor who was active in the
-- window, for the visitor's first visit in the window.
-- @run_id           STRING          id of the run
-- @day              DATE            day to score: the last day with sessions
-- @from_day         DATE            first day of the window of active visitors, which is audience.window_days long
-- @full_price_from  FLOAT64         minimum probability for the offer full_price
-- @coupon_from      FLOAT64         minimum probability for the offer coupon
-- @version          STRING          version of the champion
-- @line_starts      ARRAY<FLOAT64>  log odds at which each line of the calibrator begins
-- @intercepts       ARRAY<FLOAT64>  intercept of each line
-- @slopes           ARRAY<FLOAT64>  slope of each line
merge into scores as target
using (
    with
    active as (
        select *
        from session_features
        where day between @from_day and @day
        qualify
            row_number() over (partition by visitor_id order by started_at, session_id) = 1
            and not logical_or(is_internal) over (partition by visitor_id)
    ),

    predicted as (
        select
            visitor_id,
            (
                select ln(greatest(p.prob, 1e-15) / greatest(1 - p.prob, 1e-15))
                from unnest(predicted_will_buy_on_return_visit_probs) as p
                where cast(p.label as string) = '1'
            ) as log_odds
        from ml.predict(model `${model}`, (select * from active))
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

    scored as (
        select
            visitor_id,
            1 / (1 + exp(-least(greatest(calibrated_log_odds, -35), 35))) as probability
        from calibrated
    )

    select
        @day as day,
        visitor_id,
        probability,
        ntile(10) over (order by probability desc, visitor_id asc) as decile,
        case
            when probability >= @full_price_from then 'full_price'
            when probability >= @coupon_from then 'coupon'
            else 'none'
        end as offer,
        @version as model_version,
        @run_id as run_id
    from scored
) as fresh
    on false
when not matched by source and target.day = @day then delete
when not matched then insert row
