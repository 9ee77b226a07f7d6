-- Replace the links between visitors and customers. A visitor is linked by crm_visitors, or by the user id that the
-- shop gives to Google Analytics after a login. The user id is linked to a customer by crm_visitors, or is the
-- customer's id itself. A visitor who is linked to several customers gets no customer.
-- @first_day  DATE  first day of the sessions whose user ids count
-- @day        DATE  last day of these sessions
merge into customer_visitors as target
using (
    with
    known as (
        select
            customer_id,
            to_hex(sha256(lower(trim(email)))) as email_sha256
        from customers
    ),

    links as (
        select
            crm_visitors.visitor_id,
            crm_visitors.user_id,
            known.customer_id,
            'crm_visitors' as matched_by
        from crm_visitors
        inner join known on trim(crm_visitors.customer_id) = known.customer_id
        union all
        select
            crm_visitors.visitor_id,
            crm_visitors.user_id,
            known.customer_id,
            'email_sha256' as matched_by
        from crm_visitors
        inner join known on lower(crm_visitors.email_sha256) = known.email_sha256
        where crm_visitors.customer_id is null
    ),

    logins as (
        select distinct
            visitor_id,
            user_id
        from sessions
        where day between @first_day and @day and user_id is not null
    ),

    claims as (
        select
            visitor_id,
            customer_id,
            matched_by
        from links
        where visitor_id is not null
        union all
        select
            logins.visitor_id,
            links.customer_id,
            'user_id' as matched_by
        from logins
        inner join links on logins.user_id = links.user_id
        union all
        select
            logins.visitor_id,
            known.customer_id,
            'user_id' as matched_by
        from logins
        inner join known on logins.user_id = known.customer_id
    )

    select
        visitor_id,
        if(count(distinct customer_id) = 1, min(customer_id), null) as customer_id,
        count(distinct customer_id) as customers,
        min(matched_by) as matched_by
    from claims
    group by visitor_id
) as fresh
    on false
when not matched by source then delete
when not matched then insert row
