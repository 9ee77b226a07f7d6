-- Remember how each day-table looked when it was read, so that the next refresh reads only what changed since.
-- @row_counts     ARRAY<INT64>  rows of the day-table of each of @days
-- @last_modified  ARRAY<INT64>  when each of these was last changed, in milliseconds since 1970
-- @days           ARRAY<DATE>   days whose day-tables were read
merge into source_days as target
using (
    select
        day,
        @row_counts[offset(position)] as row_count,
        @last_modified[offset(position)] as last_modified
    from
        unnest(@days) as day
        with offset as position
) as seen
    on target.day = seen.day
when matched then update set row_count = seen.row_count, last_modified = seen.last_modified
when not matched then insert (day, row_count, last_modified) values (seen.day, seen.row_count, seen.last_modified)
