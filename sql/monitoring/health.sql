-- Replace the results of the run's checks of the model's health.
-- @run_id         STRING          id of the run
-- @day            DATE            day of the checks
-- @model_version  STRING          version of the champion, empty if there is none yet
-- @checks         ARRAY<STRING>   names of the checks
-- @states         ARRAY<STRING>   fine, warn or act
-- @values         ARRAY<FLOAT64>  measured values, NaN if they cannot be measured yet
-- @thresholds     ARRAY<FLOAT64>  values from which the state is not fine, NaN if there is no threshold
-- @found          ARRAY<STRING>   results of the checks in words
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
