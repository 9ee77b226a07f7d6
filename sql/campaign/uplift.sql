-- Replace the effects by decile on @day.
-- @day      DATE    last day of the orders that count
-- @results  STRING  the rows as a JSON array of objects, with the table's columns
-- @run_id   STRING  id of the run
merge into campaign_uplift as target
using (
    select
        @day as day,
        lax_string(result.campaign) as campaign,
        lax_float64(result.share) as share,
        lax_string(result.outcome) as outcome,
        lax_int64(result.decile) as decile,
        lax_int64(result.treated) as treated,
        lax_int64(result.control) as control,
        lax_float64(result.effect) as effect,
        lax_float64(result.lower) as lower,
        lax_float64(result.upper) as upper,
        lax_float64(result.reached) as reached,
        lax_float64(result.gain) as gain,
        lax_float64(result.gain_lower) as gain_lower,
        lax_float64(result.gain_upper) as gain_upper,
        @run_id as run_id
    from unnest(json_query_array(parse_json(@results))) as result
) as fresh
    on false
when not matched by source and target.day = @day then delete
when not matched then insert row
