-- Make the secret with which ids are hashed for tombstones, unless there is a secret already. BigQuery itself makes the
-- secret, so that the secret does not appear in the parameters of a job.
merge into erasure_key as target
using (
    select concat(generate_uuid(), generate_uuid()) as secret
) as fresh
    on true
when not matched then insert row
