-- Replace the run's frequent sets of one to three products, found by the A-priori algorithm. A set can be frequent only
-- if all its subsets are frequent. So only pairs of frequent products are counted, and only triples whose three pairs
-- are frequent (Leskovec, Rajaraman, Ullman: Mining of Massive Datasets, chapter 6).
-- @run_id       STRING   id of the run
-- @created_on   DATE     day on which the run was opened
-- @as_of        DATE     last day of the export that the run reads
-- @from_day     DATE     first day of the window, which is recommendations.window_days long
-- @min_baskets  INT64    minimum number of purchases; with fewer, carts count (recommendations.min_baskets)
-- @min_count    INT64    minimum number of baskets with a frequent set (recommendations.min_count)
-- @min_support  FLOAT64  minimum share of baskets with a frequent set, 0 to 1 (recommendations.min_support)
merge into product_itemsets as target
using (
    with
    recent as (
        select distinct
            session_id,
            product_id,
            action
        from interactions
        where day between @from_day and @as_of and action in ('bought', 'added')
    ),

    -- Baskets are purchases if there are at least @min_baskets purchases. Otherwise they are carts, which are more
    -- frequent.
    chosen as (
        select if(count(distinct if(action = 'bought', session_id, null)) >= @min_baskets, 'bought', 'added') as action
        from recent
    ),

    baskets as (
        select
            recent.session_id as basket,
            recent.product_id,
            recent.action
        from recent
        inner join chosen
            on recent.action = chosen.action
    ),

    totals as (
        select
            max(action) as action,
            count(distinct basket) as baskets,
            greatest(@min_count, ceil(@min_support * count(distinct basket))) as least
        from baskets
    ),

    singles as (
        select
            baskets.product_id,
            count(*) as basket_count
        from baskets
        cross join totals
        group by baskets.product_id, totals.least
        having count(*) >= totals.least
    ),

    kept as (
        select
            baskets.basket,
            baskets.product_id
        from baskets
        inner join singles
            on baskets.product_id = singles.product_id
    ),

    pairs_in_baskets as (
        select
            kept.basket,
            kept.product_id as first_id,
            other.product_id as second_id
        from kept
        inner join kept as other
            on kept.basket = other.basket and kept.product_id < other.product_id
    ),

    pairs as (
        select
            pairs_in_baskets.first_id,
            pairs_in_baskets.second_id,
            count(*) as basket_count
        from pairs_in_baskets
        cross join totals
        group by pairs_in_baskets.first_id, pairs_in_baskets.second_id, totals.least
        having count(*) >= totals.least
    ),

    candidates as (
        select
            pairs.first_id,
            pairs.second_id,
            beside.second_id as third_id
        from pairs
        inner join pairs as beside
            on pairs.first_id = beside.first_id and pairs.second_id < beside.second_id
        inner join pairs as across
            on pairs.second_id = across.first_id and beside.second_id = across.second_id
    ),

    triples as (
        select
            candidates.first_id,
            candidates.second_id,
            candidates.third_id,
            count(*) as basket_count
        from candidates
        inner join pairs_in_baskets
            on candidates.first_id = pairs_in_baskets.first_id and candidates.second_id = pairs_in_baskets.second_id
        inner join kept
            on pairs_in_baskets.basket = kept.basket and candidates.third_id = kept.product_id
        cross join totals
        group by candidates.first_id, candidates.second_id, candidates.third_id, totals.least
        having count(*) >= totals.least
    ),

    itemsets as (
        select
            [product_id] as products,
            basket_count
        from singles
        union all
        select
            [first_id, second_id] as products,
            basket_count
        from pairs
        union all
        select
            [first_id, second_id, third_id] as products,
            basket_count
        from triples
    )

    select
        @run_id as run_id,
        @created_on as created_on,
        itemsets.products,
        itemsets.basket_count,
        totals.baskets,
        totals.action
    from itemsets
    cross join totals
) as fresh
    on false
when not matched by source and target.run_id = @run_id and target.created_on = @created_on then delete
when not matched then insert row
