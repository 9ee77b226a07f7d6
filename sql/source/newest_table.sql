-- The table of the export that was created last. BigQuery takes its columns for all tables that a wildcard matches,
-- whichever of them the query reads, and tables of the current day match too.
-- @prefix  STRING  name of the day-tables before the date (table_prefix)
select table_id
from `${source}.__TABLES__`
where starts_with(table_id, @prefix)
order by creation_time desc, table_id desc
limit 1
