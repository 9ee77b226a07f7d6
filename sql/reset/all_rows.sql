-- Remove all rows of a table.
truncate table `${table}`
