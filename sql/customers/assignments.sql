-- Write the arm of each customer who is in the campaign's audience for the first time. A row also has the customer's
-- exclusions on that day, and the shares by which the arm was decided. A row never changes.
-- @day            DATE       day of the audience
-- @campaign       STRING     name of the campaign (campaign.name)
-- @assigned_at    TIMESTAMP  time of the assignment
-- @control_share  FLOAT64    share of the customers in the campaign's control group (campaign.control_share)
-- @holdout_share  FLOAT64    share of the customers in the holdout of all campaigns (campaign.holdout_share)
merge into assignments as target
using (
    with
    reasons as (
        select
            customer_id,
            array_agg(concat(channel, ': ', reason) order by channel, reason) as exclusions
        from exclusions
        where day = @day
        group by customer_id
    )

    select
        audience.campaign,
        audience.customer_id,
        audience.arm,
        coalesce(reasons.exclusions, cast([] as array<string>)) as exclusions,
        audience.probability,
        audience.day,
        @assigned_at as assigned_at,
        audience.run_id,
        @control_share as control_share,
        @holdout_share as holdout_share
    from audience_customers as audience
    left join reasons on audience.customer_id = reasons.customer_id
    where audience.day = @day and audience.campaign = @campaign
) as fresh
    on target.campaign = fresh.campaign and target.customer_id = fresh.customer_id
when not matched then insert row
