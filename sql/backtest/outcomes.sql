-- Replace the outcomes of the visitors that the model of @day scored, if their first visits were on @from_day or later.
-- On @day, the labels of these visitors were not known yet. The stored labels are those that are known today. The
-- candidate `scored` contains all these visitors. The candidate `audience` contains only the visitors in the first
-- @max_decile deciles.
-- @run_id      STRING  id of the backtest's run for @day
-- @created_on  DATE    day on which the run was opened
-- @day         DATE    past day of the backtest
-- @from_day    DATE    first day whose visitors had no known label on @day
-- @max_decile  INT64   last decile of the audience (audience.max_decile)
merge into evaluation_rows as target
using (
    with
    came as (
        select
            visitor_id,
            will_buy_on_return_visit as label
        from `${dataset}.visitor_features`
        where first_day between @from_day and @day and will_buy_on_return_visit is not null
        qualify row_number() over (partition by visitor_id order by first_day) = 1
    )

    select
        @run_id as run_id,
        @created_on as created_on,
        candidate,
        scores.visitor_id,
        came.label,
        scores.probability,
        'outcome' as split
    from scores
    inner join came
        on scores.visitor_id = came.visitor_id
    cross join unnest(['scored', 'audience']) as candidate
    where scores.day = @day and (candidate = 'scored' or scores.decile <= @max_decile)
) as fresh
    on false
when not matched by source
and target.run_id = @run_id and target.created_on = @created_on and target.split = 'outcome' then delete
when not matched then insert row
