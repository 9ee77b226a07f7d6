-- One row a day-table of the export, and how the chain saw it when it last read it.
select
    parse_date('%Y%m%d', substr(export.table_id, length(@prefix) + 1)) as day,
    export.row_count,
    export.last_modified_time as last_modified,
    coalesce(
        export.row_count != known.row_count or export.last_modified_time != known.last_modified, true
    ) as is_changed
from `${source}.__TABLES__` as export
left join source_days as known
    on parse_date('%Y%m%d', substr(export.table_id, length(@prefix) + 1)) = known.day
where
    starts_with(export.table_id, @prefix)
    and regexp_contains(substr(export.table_id, length(@prefix) + 1), r'^\d{8}\z')
order by day
