-- Return the newest table of the export. For a query with a wildcard, BigQuery uses the columns of the newest table
-- that matches the wildcard, even if the query does not read this table. Intraday tables match too.
-- @prefix  STRING  prefix of the day-tables' names, before the date (table_prefix)
select table_id
from `${source}.__TABLES__`
where starts_with(table_id, @prefix)
order by creation_time desc, table_id desc
limit 1
