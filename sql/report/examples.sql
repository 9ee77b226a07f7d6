-- Return the test visitors with the winner's highest and lowest probabilities, and for each visitor the features with
-- the largest effects on the score, in log odds. The visitors' ids are left out.
-- @run_id      STRING  id of the run
-- @created_on  DATE    day on which the run was opened
-- @candidate   STRING  name of the run's winner
-- @rows        INT64   number of rows with the highest probabilities, and of rows with the lowest
with
placed as (
    select
        visitor_id,
        probability,
        label,
        row_number() over (order by probability desc, md5(visitor_id) asc) as from_top,
        row_number() over (order by probability, md5(visitor_id)) as from_bottom
    from evaluation_rows
    where run_id = @run_id and created_on = @created_on and split = 'test' and candidate = @candidate
),

explained as (
    select *
    from
        ml.explain_predict(
            model `${model}`,
            (
                select
                    training_rows.*,
                    placed.probability as stated_probability,
                    placed.label,
                    placed.from_top,
                    placed.from_bottom
                from training_rows
                inner join placed
                    on training_rows.visitor_id = placed.visitor_id
                where
                    training_rows.run_id = @run_id
                    and training_rows.created_on = @created_on
                    and training_rows.split = 'test'
                    and (placed.from_top <= @rows or placed.from_bottom <= @rows)
            ),
            struct(3 as top_k_features)
        )
)

select
    from_top <= @rows as is_likely,
    if(from_top <= @rows, from_top, from_bottom) as place,
    stated_probability as probability,
    label,
    array(
        select as struct
            attributed.feature,
            -- The attributions refer to the predicted class. If this is the class of non-buyers, their sign is reversed
            -- here.
            if(cast(predicted_will_buy_on_return_visit as string) = '1', 1, -1) * attributed.attribution as moved
        from unnest(top_feature_attributions) as attributed
        order by abs(attributed.attribution) desc, attributed.feature asc
    ) as reasons,
    * except (
        run_id,
        created_on,
        split,
        visitor_id,
        first_day,
        will_buy_on_return_visit,
        predicted_will_buy_on_return_visit,
        probability,
        top_feature_attributions,
        baseline_prediction_value,
        prediction_value,
        approximation_error,
        stated_probability,
        label,
        from_top,
        from_bottom
    )
from explained
order by is_likely desc, place asc
