-- Delete the logged checkouts of erased visitors. BigQuery refuses to delete rows that Cloud Logging has written within
-- the last half hour, so a later pass deletes such rows.
-- @pseudonyms  ARRAY<STRING>  keyed hash of each visitor, as in the log
-- @until       TIMESTAMP      time before which log entries are deleted
delete from run_googleapis_com_stdout
where timestamp < @until and jsonpayload.prediction.visitor in unnest(@pseudonyms)
