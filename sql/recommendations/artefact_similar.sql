-- Return the most similar products of each product.
-- @run_id        STRING         id of the run
-- @created_on    DATE           day on which the run was opened
-- @unavailable   ARRAY<STRING>  products that are out of stock
-- @most_similar  INT64          maximum number of similar products per product (recommendations.most_similar)
select
    product_id,
    similar_id,
    similarity
from product_similarities
where
    run_id = @run_id and created_on = @created_on and is_final and similar_id not in unnest(@unavailable)
qualify row_number() over (partition by product_id order by similarity desc, similar_id asc) <= @most_similar
order by product_id asc, similarity desc, similar_id asc
