-- Return the features that moved a visitor's score most, in log odds, with the largest effect first. Also return all
-- features of the visit. The visit is the visitor's first visit in the window. sql/scoring/scores.sql scores the same
-- visit on @day. If there is no such visit, there is no row.
-- @visitor_id  STRING  the visitor
-- @day         DATE    day of the score
-- @from_day    DATE    first day of the window of active visitors, which is audience.window_days long
with
visit as (
    select *
    from session_features
    where day between @from_day and @day and visitor_id = @visitor_id
    qualify row_number() over (order by started_at, session_id) = 1
),

explained as (
    select *
    from ml.explain_predict(model `${model}`, (select * from visit), struct(5 as top_k_features))
)

select
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
        predicted_will_buy_on_return_visit,
        probability,
        top_feature_attributions,
        baseline_prediction_value,
        prediction_value,
        approximation_error
    )
from explained
