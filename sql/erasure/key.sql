-- Return the secret with which ids are hashed for tombstones; no row if nobody was erased yet.
select secret
from erasure_key
