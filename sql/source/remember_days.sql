-- Store the size and the last change of each day-table that was read. The next refresh reads only the day-tables that
-- have changed since.
-- @row_counts     ARRAY<INT64>  number of rows of the day-table, for each of @days
-- @last_modified  ARRAY<INT64>  time of the day-table's last change, in milliseconds since 1970
-- @days           ARRAY<DATE>   days whose day-tables were read and had changed
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
