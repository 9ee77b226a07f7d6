-- Each session names a visitor.
-- @as_of      DATE  last day of the export that the run reads
-- @first_day  DATE  first day whose data have changed
select
    countif(coalesce(visitor_id, '') = '') = 0 as is_ok,
    format('%d of %d sessions have no visitor', countif(coalesce(visitor_id, '') = ''), count(*)) as found
from sessions
where day between @first_day and @as_of
