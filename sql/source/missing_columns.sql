-- One row a column that the chain reads and a day-table lacks.
select
    table_id,
    field_path
from unnest(@tables) as table_id
cross join unnest(@field_paths) as field_path
where
    not exists (
        select 1
        from `${source}.INFORMATION_SCHEMA.COLUMN_FIELD_PATHS` as present
        where present.table_name = table_id and present.field_path = field_path
    )
order by table_id, field_path
