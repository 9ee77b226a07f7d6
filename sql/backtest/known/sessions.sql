-- In the backtest's own dataset, replace the sessions by those that were known on @day.
-- @day       DATE  past day of the backtest
-- @from_day  DATE  first day whose sessions the backtest reads
merge into sessions as target
using (
    select *
    from `${dataset}.sessions`
    where day between @from_day and @day
) as fresh
    on false
when not matched by source then delete
when not matched then insert row
