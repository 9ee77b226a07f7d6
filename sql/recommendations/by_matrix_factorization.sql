-- For each visitor in the model, recommend the products with the highest predicted rating, among the available products
-- that the visitor does not know yet.
-- @run_id            STRING         id of the run
-- @created_on        DATE           day on which the run was opened
-- @as_of             DATE           last day of the export that the run reads
-- @is_final          BOOL           true to publish; false to measure the method on the held-out products
-- @active_from       DATE           first day of the window of active visitors, which is audience.window_days long
-- @unavailable       ARRAY<STRING>  products that are out of stock
-- @most_recommended  INT64          number of products per visitor (recommendations.per_visitor)
merge into recommended_products as target
using (
    with
    -- All active visitors if @is_final, otherwise the visitors with a held-out product.
    asked as (
        select visitor_id
        from visitor_products
        where run_id = @run_id and created_on = @created_on and is_held_out and not @is_final
        union distinct
        select visitor_id
        from sessions
        where @is_final and day between @active_from and @as_of
        group by visitor_id
        having not logical_or(is_internal)
    ),

    known as (
        select
            visitor_id,
            product_id
        from visitor_products
        where run_id = @run_id and created_on = @created_on and (@is_final or not is_held_out)
    ),

    scored as (
        select
            visitor_id,
            product_id,
            predicted_rating_confidence as score
        from
            ml.recommend(
                model `${model}`,
                (
                    select distinct known.visitor_id
                    from known
                    inner join asked
                        on known.visitor_id = asked.visitor_id
                )
            )
    ),

    unseen as (
        select scored.*
        from scored
        left join known
            on scored.visitor_id = known.visitor_id and scored.product_id = known.product_id
        where known.product_id is null and scored.product_id not in unnest(@unavailable)
    )

    select
        @run_id as run_id,
        @created_on as created_on,
        @is_final as is_final,
        'matrix_factorization' as method,
        visitor_id,
        row_number() over (partition by visitor_id order by score desc, product_id asc) as place,
        product_id,
        score
    from unseen
    qualify place <= @most_recommended
) as fresh
    on false
when not matched by source
and target.run_id = @run_id
and target.created_on = @created_on
and target.is_final = @is_final
and target.method = 'matrix_factorization' then delete
when not matched then insert row
