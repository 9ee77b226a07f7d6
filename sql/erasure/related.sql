-- Return all ids of a person that our tables link to the given ids. A row has the kind (visitor, user or order) and the
-- id. The visitors of a customer are found by the rules of customers/visitors.sql, and in former audiences. A visitor
-- is included even if the visitor is also linked to another customer.
-- @customers  ARRAY<STRING>  tombstone digests of the person's customer ids
-- @visitors   ARRAY<STRING>  tombstone digests of the visitor ids that the request names
-- @users      ARRAY<STRING>  tombstone digests of user ids that are known to be the person's
with
key as (
    select secret
    from erasure_key
),

known as (
    select
        customer_id,
        email
    from customers
    union distinct
    select
        trim(customer_id) as customer_id,
        email
    from crm_customers
),

addresses as (
    select distinct to_hex(sha256(lower(trim(known.email)))) as email_sha256
    from known
    cross join key
    where to_hex(sha256(concat(key.secret, '|customer|', known.customer_id))) in unnest(@customers)
),

links as (
    select
        crm_visitors.visitor_id,
        crm_visitors.user_id
    from crm_visitors
    cross join key
    where to_hex(sha256(concat(key.secret, '|customer|', trim(crm_visitors.customer_id)))) in unnest(@customers)
    union all
    select
        crm_visitors.visitor_id,
        crm_visitors.user_id
    from crm_visitors
    inner join addresses on lower(crm_visitors.email_sha256) = addresses.email_sha256
    where crm_visitors.customer_id is null
),

user_ids as (
    select distinct user_id
    from links
    where user_id is not null
),

visitor_ids as (
    select visitor_id
    from links
    where visitor_id is not null
    union distinct
    select customer_visitors.visitor_id
    from customer_visitors
    cross join key
    where to_hex(sha256(concat(key.secret, '|customer|', customer_visitors.customer_id))) in unnest(@customers)
    union distinct
    select audience_customers.visitor_id
    from audience_customers
    cross join key
    where to_hex(sha256(concat(key.secret, '|customer|', audience_customers.customer_id))) in unnest(@customers)
    union distinct
    select sessions.visitor_id
    from sessions
    cross join key
    left join user_ids on sessions.user_id = user_ids.user_id
    where
        user_ids.user_id is not null
        or to_hex(sha256(concat(key.secret, '|user|', sessions.user_id))) in unnest(@users)
),

order_ids as (
    select distinct orders.order_id
    from orders
    cross join key
    left join visitor_ids on orders.visitor_id = visitor_ids.visitor_id
    where
        visitor_ids.visitor_id is not null
        or to_hex(sha256(concat(key.secret, '|visitor|', orders.visitor_id))) in unnest(@visitors)
)

select
    'visitor' as kind,
    visitor_id as id
from visitor_ids
union all
select
    'user' as kind,
    user_id as id
from user_ids
union all
select
    'order' as kind,
    order_id as id
from order_ids
order by kind, id
