-- Return the customer behind a visitor: how to write to the customer, the arm, and the reasons that forbid an e-mail
-- now. There is no row if the visitor belongs to no known customer or to several customers.
--
-- The reasons follow the rules of customers/exclusions.sql for the channel `email`, and the arm follows the rules of
-- customers/audience.sql. If you change a rule there, change it here too.
-- @visitor_id     STRING     Google Analytics' pseudonym of the browser
-- @now            TIMESTAMP  time for which consent and suppressions are looked up
-- @recent_since   DATE       first day of orders that exclude a customer; a day in the future excludes nobody
-- @campaign       STRING     name of the campaign (campaign.name)
-- @salt           STRING     text that is hashed with each id, so that the arms differ between shops (campaign.salt)
-- @control_share  FLOAT64    share of the customers in the campaign's control group (campaign.control_share)
-- @holdout_share  FLOAT64    share of the customers in the holdout of all campaigns (campaign.holdout_share)
with
recipient as (
    select
        customers.customer_id,
        customers.email,
        customers.first_name,
        customers.language
    from customer_visitors as links
    inner join customers on links.customer_id = customers.customer_id
    where links.visitor_id = @visitor_id
),

reasons as (
    select periods.reason
    from exclusion_periods as periods
    inner join recipient on periods.customer_id = recipient.customer_id
    where
        periods.channel = 'email'
        and periods.since <= @now
        and (periods.until is null or periods.until > @now)
    union distinct
    select 'bought recently' as reason
    from orders
    inner join customer_visitors as links on orders.visitor_id = links.visitor_id
    inner join recipient on links.customer_id = recipient.customer_id
    where orders.day >= @recent_since and orders.refunded_on is null
),

assigned as (
    -- A customer who was once in the holdout stays in the holdout, in all campaigns.
    select
        logical_or(assignments.arm = 'holdout') as is_held_out,
        max(if(assignments.campaign = @campaign, assignments.arm, null)) as arm
    from assignments
    inner join recipient on assignments.customer_id = recipient.customer_id
),

fractions as (
    select
        *,
        cast(
            concat('0x', substr(to_hex(sha256(concat(@salt, '|', @campaign, '|', customer_id))), 1, 13)) as int64
        ) / pow(2, 52) as of_campaign,
        cast(
            concat('0x', substr(to_hex(sha256(concat(@salt, '||', customer_id))), 1, 13)) as int64
        ) / pow(2, 52) as of_holdout
    from recipient
)

select
    fractions.customer_id,
    fractions.email,
    fractions.first_name,
    fractions.language,
    case
        when assigned.is_held_out then 'holdout'
        when assigned.arm is not null then assigned.arm
        when fractions.of_holdout < @holdout_share then 'holdout'
        when fractions.of_campaign < @control_share then 'control'
        else 'treated'
    end as arm,
    array(select reasons.reason from reasons order by reasons.reason) as reasons
from fractions
cross join assigned
