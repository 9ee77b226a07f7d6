-- Return the tombstones of a request.
-- @request_id  STRING  id of the erasure request
select
    kind,
    digest
from tombstones
where request_id = @request_id
order by kind, digest
