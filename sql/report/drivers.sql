-- Return one row per feature: the mean size of the feature's effect on the winner's score, in log odds, for a sample of
-- the test visitors.
-- @run_id      STRING  id of the run
-- @created_on  DATE    day on which the run was opened
-- @rows        INT64   number of visitors in the sample
with
explained as (
    select
        -- The attributions refer to the predicted class. If this is the class of non-buyers, their sign is reversed
        -- here.
        if(cast(predicted_will_buy_on_return_visit as string) = '1', 1, -1) as direction,
        top_feature_attributions
    from
        ml.explain_predict(
            model `${model}`,
            (
                select *
                from training_rows
                where run_id = @run_id and created_on = @created_on and split = 'test'
                order by md5(visitor_id), first_day
                limit @rows
            ),
            struct(100 as top_k_features)
        )
)

select
    attributed.feature,
    count(*) as visitors,
    avg(abs(attributed.attribution)) as strength,
    avg(if(explained.direction * attributed.attribution > 0, 1, 0)) as share_upwards
from explained
cross join unnest(explained.top_feature_attributions) as attributed
group by attributed.feature
order by strength desc, attributed.feature asc
