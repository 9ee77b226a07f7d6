-- Store the newest products in which each visitor has shown an interest. If a visitor has two or more products, the
-- newest one can be held out. If several products have the same time, the product with the greatest fingerprint counts
-- as the newest.
-- @run_id         STRING  id of the run
-- @created_on     DATE    day on which the run was opened
-- @as_of          DATE    last day of the export that the run reads
-- @from_day       DATE    first day of the window, which is recommendations.window_days long
-- @most_visitors  INT64   maximum visitors with a held-out product (recommendations.evaluation_visitors)
-- @most_products  INT64   maximum number of products per visitor
merge into visitor_products as target
using (
    with
    interests as (
        select
            visitor_id,
            product_id,
            max(case action when 'bought' then 5.0 when 'added' then 3.0 else 1.0 end) as rating,
            min(interacted_at) as first_at,
            md5(concat(visitor_id, ' ', product_id)) as fingerprint
        from interactions
        where day between @from_day and @as_of
        group by visitor_id, product_id
    ),

    ordered as (
        select
            *,
            row_number() over (partition by visitor_id order by first_at desc, fingerprint desc) as newness,
            count(*) over (partition by visitor_id) as product_count
        from interests
    )

    select
        @run_id as run_id,
        @created_on as created_on,
        visitor_id,
        product_id,
        rating,
        newness = 1
        and product_count > 1
        and dense_rank() over (partition by product_count > 1 order by md5(visitor_id)) <= @most_visitors as is_held_out
    from ordered
    where newness <= @most_products
) as fresh
    on false
when not matched by source and target.run_id = @run_id and target.created_on = @created_on then delete
when not matched then insert row
