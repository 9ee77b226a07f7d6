-- Replace the association rules of @as_of. Each frequent set is divided into antecedents and consequents in every way.
-- @run_id          STRING   id of the run
-- @created_on      DATE     day on which the run was opened
-- @as_of           DATE     last day of the export that the run reads
-- @min_confidence  FLOAT64  minimum confidence, 0 to 1 (recommendations.min_confidence)
-- @min_lift        FLOAT64  minimum lift (recommendations.min_lift)
merge into product_rules as target
using (
    with
    itemsets as (
        select
            products,
            to_json_string(products) as name,
            basket_count,
            baskets,
            action
        from product_itemsets
        where run_id = @run_id and created_on = @created_on
    ),

    -- Each bit of `cut` decides whether a product is an antecedent or a consequent.
    cuts as (
        select
            itemsets.*,
            array(
                select product
                from
                    unnest(itemsets.products) as product
                    with offset as position
                where mod(div(cut, 1 << position), 2) = 1
                order by position
            ) as antecedents,
            array(
                select product
                from
                    unnest(itemsets.products) as product
                    with offset as position
                where mod(div(cut, 1 << position), 2) = 0
                order by position
            ) as consequents
        from itemsets, unnest(generate_array(1, (1 << array_length(itemsets.products)) - 2)) as cut
    ),

    rules as (
        select
            cuts.antecedents,
            cuts.consequents,
            cuts.basket_count,
            cuts.action,
            cuts.basket_count / cuts.baskets as support,
            cuts.basket_count / cause.basket_count as confidence,
            (cuts.basket_count * cuts.baskets) / (cause.basket_count * effect.basket_count) as lift
        from cuts
        inner join itemsets as cause
            on to_json_string(cuts.antecedents) = cause.name
        inner join itemsets as effect
            on to_json_string(cuts.consequents) = effect.name
    )

    select
        @as_of as day,
        antecedents,
        consequents,
        basket_count,
        support,
        confidence,
        lift,
        action,
        @run_id as run_id
    from rules
    where confidence >= @min_confidence and lift >= @min_lift
) as fresh
    on false
when not matched by source and target.day = @as_of then delete
when not matched then insert row
