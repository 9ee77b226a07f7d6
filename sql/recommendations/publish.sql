-- Replace the recommendations of @as_of. A visitor gets the recommendations of @method. If there are none for the
-- visitor, the visitor gets the popular products.
-- @run_id      STRING  id of the run
-- @created_on  DATE    day on which the run was opened
-- @as_of       DATE    last day of the export that the run reads
-- @method      STRING  method that is published
merge into visitor_recommendations as target
using (
    with
    chosen as (
        select *
        from recommended_products
        where
            run_id = @run_id and created_on = @created_on and is_final and method in (@method, 'popularity')
        qualify logical_or(method = @method) over (partition by visitor_id) = (method = @method)
    )

    select
        @as_of as day,
        visitor_id,
        place,
        product_id,
        score,
        method,
        run_id
    from chosen
) as fresh
    on false
when not matched by source and target.day = @as_of then delete
when not matched then insert row
