-- Return the periods in which statements about consent, and suppressions, forbid to reach a customer through a channel.
-- The suppressions of campaign events lie in a table of their own, so that a shop that replaces its table loses none.
-- Of the statements about a purpose, the latest counts; of two at the same time, the refusal counts. Without a
-- statement there is no consent. For analytics, only a refusal counts. A reason of the shop's that is not a few
-- lower-case words may hold personal data, and is not repeated.
with
purposes as (
    select
        purpose.name,
        purpose.channel,
        purpose.is_needed
    from
        unnest([
            struct('ad_user_data' as name, 'ads' as channel, true as is_needed),
            ('ad_personalization', 'ads', true),
            ('email', 'email', true),
            ('analytics', 'ads', false),
            ('analytics', 'email', false)
        ]) as purpose
),

statements as (
    -- Until the first statement, a consent that is needed is missing.
    select
        customers.customer_id,
        purposes.name as purpose,
        false as is_granted,
        timestamp '0001-01-01 00:00:00+00' as since
    from `${dataset}.customers` as customers
    cross join purposes
    where purposes.is_needed
    union all
    select
        customer_id,
        purpose,
        is_granted,
        stated_at as since
    from `${dataset}.consents`
),

suppressed as (
    select
        customer_id,
        channel,
        reason,
        since,
        until
    from `${dataset}.suppressions`
    union all
    select
        customer_id,
        channel,
        reason,
        since,
        until
    from `${dataset}.campaign_suppressions`
),

followed as (
    select
        *,
        lead(since) over (partition by customer_id, purpose order by since asc, is_granted desc) as until
    from statements
)

select
    followed.customer_id,
    purposes.channel,
    concat('no consent to ', followed.purpose) as reason,
    followed.since,
    followed.until
from followed
inner join purposes on followed.purpose = purposes.name
where not followed.is_granted
union all
select
    suppressed.customer_id,
    channel,
    concat(
        'suppressed: ',
        if(
            regexp_contains(suppressed.reason, r'^[a-z][a-z_ ]{0,39}\z'),
            suppressed.reason,
            'another reason'
        )
    ) as reason,
    suppressed.since,
    suppressed.until
from suppressed
cross join unnest(['ads', 'email']) as channel
where suppressed.channel in (channel, 'all')
