-- Return the customer behind a visitor: how to write to the customer, the arm, and the reasons that forbid an e-mail
-- now. No row if the visitor belongs to nobody known, or if two customers claim the visitor.
--
-- The reasons are those of the channel `email` in customers/exclusions.sql, and the arm is that of
-- customers/audience.sql. Change them together; a test compares them.
-- @visitor_id     STRING     Google Analytics' pseudonym of the browser
-- @now            TIMESTAMP  time up to which statements count
-- @recent_since   DATE       first day of orders that exclude a customer; a day in the future excludes nobody
-- @campaign       STRING     name of the campaign (campaign.name)
-- @salt           STRING     text that makes the hashes the shop's own (campaign.salt)
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

latest as (
    select
        consents.customer_id,
        consents.purpose,
        consents.is_granted
    from consents
    inner join recipient on consents.customer_id = recipient.customer_id
    where consents.stated_at <= @now
    qualify
        row_number() over (
            partition by consents.purpose order by consents.stated_at desc, consents.is_granted asc
        ) = 1
),

reasons as (
    select 'no consent to email' as reason
    from recipient
    left join latest on recipient.customer_id = latest.customer_id and latest.purpose = 'email'
    where not coalesce(latest.is_granted, false)
    union distinct
    select 'no consent to analytics' as reason
    from latest
    where purpose = 'analytics' and not is_granted
    union distinct
    select
        concat(
            'suppressed: ',
            if(
                regexp_contains(known_suppressions.reason, r'^[a-z][a-z_ ]{0,39}\z'),
                known_suppressions.reason,
                'another reason'
            )
        ) as reason
    from known_suppressions
    inner join recipient on known_suppressions.customer_id = recipient.customer_id
    where
        known_suppressions.channel in ('email', 'all')
        and known_suppressions.since <= @now
        and (known_suppressions.until is null or known_suppressions.until > @now)
    union distinct
    select 'bought recently' as reason
    from orders
    inner join customer_visitors as links on orders.visitor_id = links.visitor_id
    inner join recipient on links.customer_id = recipient.customer_id
    where orders.day >= @recent_since and orders.refunded_on is null
),

assigned as (
    -- Who was held out once is held out of all campaigns.
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
