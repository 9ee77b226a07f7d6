-- Return the suppressions that the shop loads, and those that campaign events have caused. They lie in two tables, so
-- that a shop that replaces its own table loses no unsubscribe.
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
