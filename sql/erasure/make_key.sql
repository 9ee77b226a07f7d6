-- Make the secret with which ids are hashed for tombstones, unless there is one. BigQuery makes it, so no job has it as
-- a parameter.
merge into erasure_key as target
using (
    select concat(generate_uuid(), generate_uuid()) as secret
) as fresh
    on true
when not matched then insert row
