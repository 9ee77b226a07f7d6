-- Return the sums that shared/campaign/effects.py needs. No row is about a single customer.
--
-- In the comparison `control`, each campaign's treated customers are compared with its control group. Customers whom no
-- channel could reach when they were assigned are left out. In the comparison `holdout`, the holdout is compared with
-- all other customers. In its rows, the column campaign is empty, a customer's first assignment to any campaign counts,
-- and nobody is left out. If customers were assigned with different shares, each share has separate rows. The outcome
-- is computed from the orders after the day of the assignment, and the covariate (`before`) from the orders up to this
-- day. Each order of any of the customer's visitors counts once.
-- @day             DATE     last day of the orders and assignments that count
-- @first_day       DATE     first day of the orders that count
-- @outcome_days    INT64    days after the assignment whose orders are the outcome (campaign.outcome_days)
-- @before_days     INT64    days up to the assignment whose orders are the covariate (campaign.before_days)
-- @margin          FLOAT64  margin as a share of the revenue (campaign.margin)
-- @cost_per_order  FLOAT64  cost of an order that the margin does not include (campaign.cost_per_order)
-- @control_share   FLOAT64  share of the control group, for assignments that store no share (campaign.control_share)
-- @holdout_share   FLOAT64  share of the holdout, for assignments that store no share (campaign.holdout_share)
with
first_assignments as (
    select *
    from assignments
    where day <= @day
    qualify row_number() over (partition by customer_id order by day asc, assigned_at asc, campaign asc) = 1
),

-- The shares are NUMERIC, because FLOAT64 is not allowed in PARTITION BY.
reachable as (
    select
        *,
        cast(coalesce(control_share, @control_share) as numeric) as share
    from assignments
    where
        day <= @day
        and arm in ('treated', 'control')
        and not (
            exists(select 1 from unnest(exclusions) as reason where starts_with(reason, 'ads: '))
            and exists(select 1 from unnest(exclusions) as reason where starts_with(reason, 'email: '))
        )
),

compared as (
    select
        'control' as comparison,
        campaign,
        share,
        customer_id,
        day,
        arm = 'treated' as is_treated,
        ntile(10) over (
            partition by campaign, share
            order by probability desc, customer_id asc
        ) as decile
    from reachable
    union all
    select
        'holdout' as comparison,
        '' as campaign,
        cast(coalesce(holdout_share, @holdout_share) as numeric) as share,
        customer_id,
        day,
        arm != 'holdout' as is_treated,
        1 as decile
    from first_assignments
),

bought as (
    select
        links.customer_id,
        orders.day,
        orders.revenue - orders.refunded as revenue,
        orders.refunded_on is null as is_kept
    from orders
    inner join customer_visitors as links on orders.visitor_id = links.visitor_id
    where orders.day between @first_day and @day and links.customer_id is not null
),

customers as (
    select
        compared.comparison,
        compared.campaign,
        compared.share,
        compared.customer_id,
        compared.day,
        compared.is_treated,
        compared.decile,
        countif(bought.is_kept and bought.day > compared.day) > 0 as has_bought,
        countif(bought.is_kept and bought.day <= compared.day) > 0 as had_bought,
        countif(bought.day > compared.day) as orders,
        coalesce(sum(if(bought.day > compared.day, bought.revenue, 0)), 0.0) as revenue,
        coalesce(sum(if(bought.day <= compared.day, bought.revenue, 0)), 0.0) as revenue_before
    from compared
    left join bought
        on
            compared.customer_id = bought.customer_id
            and bought.day > date_sub(compared.day, interval @before_days day)
            and bought.day <= date_add(compared.day, interval @outcome_days day)
    group by
        compared.comparison,
        compared.campaign,
        compared.share,
        compared.customer_id,
        compared.day,
        compared.is_treated,
        compared.decile
),

outcomes as (
    select
        customers.comparison,
        customers.campaign,
        customers.share,
        customers.day,
        customers.is_treated,
        customers.decile,
        outcome.name,
        outcome.value,
        outcome.before
    from customers
    cross join
        unnest([
            struct(
                'conversion' as name,
                if(customers.has_bought, 1.0, 0.0) as value,
                if(customers.had_bought, 1.0, 0.0) as before
            ),
            struct('revenue', customers.revenue, customers.revenue_before),
            struct(
                'profit',
                @margin * customers.revenue - @cost_per_order * customers.orders,
                customers.revenue_before
            )
        ]) as outcome
)

select
    outcomes.comparison,
    outcomes.campaign,
    cast(outcomes.share as float64) as share,
    outcomes.name as outcome,
    outcomes.decile,
    outcomes.is_treated,
    min(outcomes.day) as first_assigned,
    max(outcomes.day) as last_assigned,
    count(*) as customers,
    sum(outcomes.value) as total,
    sum(abs(outcomes.value)) as magnitude,
    sum(outcomes.value * outcomes.value) as squares,
    sum(outcomes.before) as before,
    sum(outcomes.before * outcomes.before) as before_squares,
    sum(outcomes.value * outcomes.before) as products
from outcomes
group by outcomes.comparison, outcomes.campaign, outcomes.share, outcomes.name, outcomes.decile, outcomes.is_treated
order by comparison, campaign, share, outcome, decile, is_treated
