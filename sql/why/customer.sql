-- Return one row about a customer, or no row if there is no such customer. The row has the score, the offer and the arm
-- in the newest audience, and the newest value and exclusions. It also has the visitors, the statements about consent
-- that count, and the destinations. The row holds no address.
-- @customer_id  STRING  the shop's id of the customer
-- @first_day    DATE    first day of the audiences, values and exclusions to look at
with
newest as (
    select *
    from audience_customers
    where customer_id = @customer_id and day >= @first_day
    qualify row_number() over (order by day desc) = 1
),

known as (
    select
        customer_id,
        email is not null as has_email,
        phone is not null as has_phone
    from customers
    where customer_id = @customer_id
),

linked as (
    select array_agg(visitor_id order by visitor_id) as visitors
    from customer_visitors
    where customer_id = @customer_id
),

valued as (
    select *
    from customer_value
    where customer_id = @customer_id and day >= @first_day
    qualify row_number() over (order by day desc) = 1
),

assigned as (
    select array_agg(struct(campaign, arm, assigned_at) order by assigned_at, campaign) as assignments
    from assignments
    where customer_id = @customer_id
),

latest as (
    select
        purpose,
        is_granted,
        stated_at,
        source
    from consents
    where customer_id = @customer_id
    qualify row_number() over (partition by purpose order by stated_at desc, is_granted asc) = 1
),

stated as (
    select array_agg(struct(purpose, is_granted, stated_at, source) order by purpose) as consents
    from latest
),

last_excluded as (
    select
        day,
        channel,
        reason
    from exclusions
    where customer_id = @customer_id and day >= @first_day
    qualify rank() over (order by day desc) = 1
),

excluded as (
    select array_agg(struct(day, channel, reason) order by channel, reason) as exclusions
    from last_excluded
),

delivered as (
    select
        array_agg(
            struct(destination, is_wanted, state, reason, run_id, changed_at) order by destination
        ) as destinations
    from destination_members
    where customer_id = @customer_id
)

select
    @customer_id as customer_id,
    coalesce(known.has_email, false) as has_email,
    coalesce(known.has_phone, false) as has_phone,
    newest.day,
    newest.visitor_id,
    newest.probability,
    newest.decile,
    newest.offer,
    newest.next_products,
    newest.expected_value,
    newest.orders,
    newest.revenue,
    newest.arm,
    valued.day as valued_on,
    valued.horizon_days,
    valued.expected_orders,
    valued.expected_revenue,
    valued.revenue_per_order,
    valued.method as valued_by,
    linked.visitors,
    assigned.assignments,
    stated.consents,
    excluded.exclusions,
    delivered.destinations
from linked
cross join assigned
cross join stated
cross join excluded
cross join delivered
left join known on true
left join newest on true
left join valued on true
where known.customer_id is not null or newest.customer_id is not null or delivered.destinations is not null
