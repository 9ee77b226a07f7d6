-- Return one row with the numbers of baskets, itemsets, rules and visitors in the run's recommendations.
-- @run_id      STRING  id of the run
-- @created_on  DATE    day on which the run was opened
-- @as_of       DATE    last day of the export that the run reads
with
itemsets as (
    select
        count(*) as itemsets,
        coalesce(max(baskets), 0) as baskets,
        max(action) as baskets_of
    from product_itemsets
    where run_id = @run_id and created_on = @created_on
),

rules as (
    select count(*) as rules
    from product_rules
    where day = @as_of
),

visitors as (
    select count(*) as visitors
    from visitor_recommendations
    where day = @as_of and place = 1
)

select
    itemsets.baskets,
    itemsets.baskets_of,
    itemsets.itemsets,
    rules.rules,
    visitors.visitors
from itemsets
cross join rules
cross join visitors
