-- Return rows of crm_customers that were not checked yet; at most @most.
-- @page  INT64  number of the page, from 1; its only effect is that the job of each page has a different id
-- @most  INT64  maximum number of rows
with
checked as (
    select digest
    from customers
    union distinct
    select digest
    from refused_customers
)

select crm_rows.*
from crm_rows
left join checked on crm_rows.digest = checked.digest
where checked.digest is null and @page > 0
order by crm_rows.digest
limit @most
