-- Count the visitors of @day's audience: those with one customer (`matched`), with several possible customers
-- (`conflicts`), and with none (`unmatched`). Also count the refused rows and values of crm_customers.
-- @day  DATE  day of the audience
with
refusals as (
    select
        count(distinct if(is_refused, digest, null)) as refused_rows,
        countif(not is_refused) as refused_values
    from refused_customers
)

select
    count(audience.visitor_id) as visitors,
    countif(links.customer_id is not null) as matched,
    countif(links.customers > 1) as conflicts,
    countif(audience.visitor_id is not null and links.visitor_id is null) as unmatched,
    max(refusals.refused_rows) as refused_rows,
    max(refusals.refused_values) as refused_values
from refusals
left join audience on audience.day = @day
left join customer_visitors as links on audience.visitor_id = links.visitor_id
