-- Give each row of crm_customers a digest, which changes if the row changes. Equal rows count once. If another row of
-- the same customer is added or removed, the digest changes too. The digest depends on `rules`, the version of the
-- rules in shared/customers/crm.py. So if these rules change, all rows are checked again. Erased customers are left
-- out, even if the shop loads them again.
with
different as (
    select distinct
        trim(customer_id) as customer_id,
        email,
        phone,
        first_name,
        last_name,
        country,
        postal_code,
        language
    from `${dataset}.crm_customers`
    where
        to_hex(
            sha256(
                concat(
                    (select erasure_key.secret from `${dataset}.erasure_key` as erasure_key),
                    '|customer|',
                    coalesce(trim(customer_id), '')
                )
            )
        )
        not in (select tombstones.digest from `${dataset}.tombstones` as tombstones)
),

counted as (
    select
        *,
        1 as rules,
        count(*) over (partition by customer_id) as copies
    from different
)

select
    *,
    to_hex(sha256(to_json_string(counted))) as digest
from counted
