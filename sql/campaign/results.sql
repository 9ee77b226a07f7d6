-- Replace the results of all comparisons on @day.
-- @day      DATE    last day of the orders that count
-- @results  STRING  the rows as a JSON array of objects, with the table's columns
-- @run_id   STRING  id of the run
merge into campaign_results as target
using (
    select
        @day as day,
        lax_string(result.comparison) as comparison,
        lax_string(result.campaign) as campaign,
        lax_float64(result.share) as share,
        lax_string(result.outcome) as outcome,
        lax_string(result.decision) as decision,
        cast(lax_string(result.first_assigned) as date) as first_assigned,
        cast(lax_string(result.last_assigned) as date) as last_assigned,
        lax_int64(result.treated) as treated,
        lax_int64(result.control) as control,
        lax_float64(result.sizes_p_value) as sizes_p_value,
        lax_float64(result.treated_mean) as treated_mean,
        lax_float64(result.control_mean) as control_mean,
        lax_float64(result.effect) as effect,
        lax_float64(result.lower) as lower,
        lax_float64(result.upper) as upper,
        lax_float64(result.always_lower) as always_lower,
        lax_float64(result.always_upper) as always_upper,
        lax_float64(result.relative) as relative,
        lax_float64(result.relative_lower) as relative_lower,
        lax_float64(result.relative_upper) as relative_upper,
        lax_float64(result.explained) as explained,
        lax_float64(result.return_value) as return_value,
        lax_float64(result.return_lower) as return_lower,
        lax_float64(result.return_upper) as return_upper,
        lax_float64(result.qini) as qini,
        lax_float64(result.qini_lower) as qini_lower,
        lax_float64(result.qini_upper) as qini_upper,
        @run_id as run_id
    from unnest(json_query_array(parse_json(@results))) as result
) as fresh
    on false
when not matched by source and target.day = @day then delete
when not matched then insert row
