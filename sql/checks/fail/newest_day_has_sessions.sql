-- The newest day has sessions. A day without sessions shows that the export is broken.
-- @as_of  DATE  last day of the export that the run reads
select
    count(*) > 0 as is_ok,
    format('%d sessions on %t', count(*), @as_of) as found
from sessions
where day = @as_of
