-- Return the visitors who get no offer, because their customers are in the control group or in the holdout. For each
-- visitor, the result has the first 8 bytes of the id's SHA-256, in hexadecimal. These texts are sorted, and texts with
-- the same first two digits are joined, so there are at most 256 rows. If a customer has no assignment yet, hashes
-- decide the arm, as in customers/audience.sql.
-- @campaign       STRING   name of the campaign (campaign.name)
-- @salt           STRING   text that is hashed with each id, so that the arms differ between shops (campaign.salt)
-- @control_share  FLOAT64  share of the customers in the campaign's control group (campaign.control_share)
-- @holdout_share  FLOAT64  share of the customers in the holdout of all campaigns (campaign.holdout_share)
with
held_out as (
    select distinct customer_id
    from assignments
    where arm = 'holdout'
),

fractions as (
    select
        visitor_id,
        customer_id,
        cast(
            concat('0x', substr(to_hex(sha256(concat(@salt, '|', @campaign, '|', customer_id))), 1, 13)) as int64
        ) / pow(2, 52) as of_campaign,
        cast(
            concat('0x', substr(to_hex(sha256(concat(@salt, '||', customer_id))), 1, 13)) as int64
        ) / pow(2, 52) as of_holdout
    from customer_visitors
    where customer_id is not null
),

digests as (
    select substr(to_hex(sha256(fractions.visitor_id)), 1, 16) as digest
    from fractions
    left join held_out on fractions.customer_id = held_out.customer_id
    left join assignments on fractions.customer_id = assignments.customer_id and assignments.campaign = @campaign
    where
        held_out.customer_id is not null
        or coalesce(assignments.arm, if(fractions.of_campaign < @control_share, 'control', 'treated')) != 'treated'
        or (assignments.arm is null and fractions.of_holdout < @holdout_share)
)

select string_agg(digest, '' order by digest) as hashes
from digests
group by substr(digest, 1, 2)
order by hashes
