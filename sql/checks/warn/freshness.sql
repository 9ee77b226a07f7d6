-- The newest day is not too old. If @max_age_days is 0, every age is allowed.
-- @as_of         DATE   last day of the export that the run reads
-- @max_age_days  INT64  maximum age of the newest day, in days; 0 for no limit (checks.max_age_days)
-- @today         DATE   day on which the check runs, in UTC
select
    @max_age_days = 0 or date_diff(@today, @as_of, day) <= @max_age_days as is_ok,
    if(
        @max_age_days = 0,
        format('the newest day is %t; age is not limited (checks.max_age_days = 0)', @as_of),
        format('the newest day is %t, %d days before today', @as_of, date_diff(@today, @as_of, day))
    ) as found
