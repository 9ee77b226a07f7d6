-- What one model says of this run's visitors of one split.
-- @run_id      STRING  the run
-- @created_on  DATE    day on which the run was opened
-- @candidate   STRING  the candidate, champion or best_champion
-- @split       STRING  evaluation or test
merge into evaluation_rows as target
using (
    select
        @run_id as run_id,
        @created_on as created_on,
        @candidate as candidate,
        visitor_id,
        will_buy_on_return_visit as label,
        (
            select p.prob
            from unnest(predicted_will_buy_on_return_visit_probs) as p
            where cast(p.label as string) = '1'
        ) as probability,
        @split as split
    from
        ml.predict(
            model `${model}`,
            (
                select *
                from training_rows
                where run_id = @run_id and created_on = @created_on and split = @split
            )
        )
) as fresh
    on false
when not matched by source
and target.run_id = @run_id and target.created_on = @created_on
and target.candidate = @candidate and target.split = @split then delete
when not matched then insert row
