-- In the backtest's own dataset, replace the conversions by those that were known on @day. A conversion that was
-- cancelled after @day still counts.
-- @day       DATE  past day of the backtest
-- @from_day  DATE  first day whose conversions the backtest reads
merge into conversions as target
using (
    select * replace (if(cancelled_on <= @day, cancelled_on, null) as cancelled_on)
    from `${dataset}.conversions`
    where day between @from_day and @day
) as fresh
    on false
when not matched by source then delete
when not matched then insert row
