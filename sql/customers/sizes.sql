-- Return two numbers of rows of crm_customers: the rows that were checked earlier, and the rows that are there now.
with
checked as (
    select digest
    from customers
    union distinct
    select digest
    from refused_customers
),

before as (
    select count(*) as known
    from checked
)

select
    max(before.known) as known,
    count(crm_rows.digest) as present
from before
left join crm_rows on true
