-- Return the periods in which a customer may not be reached through a channel, because of statements about consent or
-- because of suppressions. Suppressions that campaign events cause are in a separate table, so that they remain when
-- the shop replaces its own table. The latest statement about a purpose counts; if two have the same time, the refusal
-- counts. Without a statement there is no consent, except for analytics, where only a refusal counts. The shop's own
-- reason is returned only if it consists of a few lower-case words, because other texts may contain personal data.
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
    -- Before a customer's first statement, each required consent is missing.
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
