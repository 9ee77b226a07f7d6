-- Test visitors with what ML.PREDICT says of them, the most and the least likely among them, to hold the endpoint to.
-- @run_id      STRING  the run
-- @created_on  DATE    day on which the run was opened
-- @rows        INT64   most rows to return (serving.golden_rows)
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
            select p.prob
            from unnest(predicted_will_buy_on_return_visit_probs) as p
            where cast(p.label as string) = '1'
        ) as expected_probability,
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

placed as (
    select
        *,
        row_number() over (order by expected_probability desc, shuffled asc) as from_top,
        row_number() over (order by expected_probability, shuffled) as from_bottom,
        row_number() over (order by shuffled) as at_random
    from predicted
)

select * except (shuffled, from_top, from_bottom, at_random)
from placed
where from_top <= @rows / 4 or from_bottom <= @rows / 4 or at_random <= @rows / 2
order by expected_probability, shuffled
