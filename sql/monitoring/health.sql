-- Replace the run's rows by what it found of the model's health.
-- @run_id         STRING          the run
-- @day            DATE            day on which it was checked
-- @model_version  STRING          the champion's version, empty before there is one
-- @checks         ARRAY<STRING>   names of the checks
-- @states         ARRAY<STRING>   fine, warn or act
-- @values         ARRAY<FLOAT64>  what was measured, NaN if it cannot be measured yet
-- @thresholds     ARRAY<FLOAT64>  the value from which the state is not fine, NaN if there is none
-- @found          ARRAY<STRING>   the findings in words
merge into model_health as target
using (
    select
        @day as day,
        check_name,
        @states[offset(position)] as state,
        if(is_nan(@values[offset(position)]), null, @values[offset(position)]) as value,
        if(is_nan(@thresholds[offset(position)]), null, @thresholds[offset(position)]) as threshold,
        @found[offset(position)] as found,
        nullif(@model_version, '') as model_version,
        @run_id as run_id
    from
        unnest(@checks) as check_name
        with offset as position
) as fresh
    on false
when not matched by source and target.day = @day and target.run_id = @run_id then delete
when not matched then insert row
