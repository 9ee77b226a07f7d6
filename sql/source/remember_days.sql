-- Remember how each day-table looked when it was read, so that the next refresh reads only what changed since.
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
