-- Replace the run's similarities of products: the cosine of the products' visitors, times n / (n + @shrinkage). n is
-- the number of common visitors. The factor makes the similarity low if there are few common visitors.
-- @run_id        STRING   id of the run
-- @created_on    DATE     day on which the run was opened
-- @is_final      BOOL     true to publish; false to measure the method on the held-out products
-- @shrinkage     FLOAT64  number of common visitors at which the factor is one half (recommendations.shrinkage)
-- @most_similar  INT64    maximum number of similar products per product
merge into product_similarities as target
using (
    with
    known as (
        select
            visitor_id,
            product_id
        from visitor_products
        where run_id = @run_id and created_on = @created_on and (@is_final or not is_held_out)
    ),

    products as (
        select
            product_id,
            count(*) as visitor_count
        from known
        group by product_id
    ),

    shared as (
        select
            known.product_id,
            other.product_id as similar_id,
            count(*) as visitor_count
        from known
        inner join known as other
            on known.visitor_id = other.visitor_id and known.product_id != other.product_id
        group by known.product_id, other.product_id
    ),

    alike as (
        select
            shared.product_id,
            shared.similar_id,
            shared.visitor_count / sqrt(products.visitor_count * others.visitor_count)
            * shared.visitor_count / (shared.visitor_count + @shrinkage) as similarity
        from shared
        inner join products
            on shared.product_id = products.product_id
        inner join products as others
            on shared.similar_id = others.product_id
    )

    select
        @run_id as run_id,
        @created_on as created_on,
        @is_final as is_final,
        product_id,
        similar_id,
        similarity
    from alike
    qualify row_number() over (partition by product_id order by similarity desc, similar_id asc) <= @most_similar
) as fresh
    on false
when not matched by source
and target.run_id = @run_id and target.created_on = @created_on and target.is_final = @is_final then delete
when not matched then insert row
