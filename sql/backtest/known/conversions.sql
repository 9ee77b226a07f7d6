-- Hold the conversions that were known on a past day, and no later ones, in the backtest's own dataset. What was
-- cancelled later still counted then.
-- @day       DATE  the past day
-- @from_day  DATE  first day of which the backtest reads conversions
merge into conversions as target
using (
    select * replace (if(cancelled_on <= @day, cancelled_on, null) as cancelled_on)
    from `${dataset}.conversions`
    where day between @from_day and @day
) as fresh
    on false
when not matched by source then delete
when not matched then insert row
