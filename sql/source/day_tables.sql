-- Return one row per day-table of the export, and whether the day-table has changed since the chain last read it.
-- @prefix  STRING  prefix of the day-tables' names, before the date (table_prefix)
with
export as (
    select
        safe.parse_date('%Y%m%d', substr(table_id, length(@prefix) + 1)) as day,
        row_count,
        last_modified_time as last_modified
    from `${source}.__TABLES__`
    where starts_with(table_id, @prefix) and regexp_contains(substr(table_id, length(@prefix) + 1), r'^\d{8}\z')
)

select
    export.day,
    export.row_count,
    export.last_modified,
    coalesce(
        export.row_count != known.row_count or export.last_modified != known.last_modified, true
    ) as is_changed
from export
left join source_days as known
    on export.day = known.day
where export.day is not null
order by export.day
