-- Hold the sessions that were known on a past day, and no later ones, in the backtest's own dataset.
-- @day       DATE  the past day
-- @from_day  DATE  first day of which the backtest reads sessions
merge into sessions as target
using (
    select *
    from `${dataset}.sessions`
    where day between @from_day and @day
) as fresh
    on false
when not matched by source then delete
when not matched then insert row
