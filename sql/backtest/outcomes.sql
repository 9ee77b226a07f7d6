-- Hold what became of the visitors whom the past day's model scored while their outcome was open: those who came for
-- the first time so late that the horizon was not over. Labels are the chain's own of today. Those whom the audience
-- would have held are a candidate of their own.
-- @run_id      STRING  the backtest's run of the past day
-- @created_on  DATE    day on which the run was opened
-- @day         DATE    the past day
-- @from_day    DATE    first day whose first visits had an open outcome
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
