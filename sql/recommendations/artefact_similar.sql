-- What is similar to each product.
select
    product_id,
    similar_id,
    similarity
from product_similarities
where
    run_id = @run_id and created_on = @created_on and is_final and similar_id not in unnest(@unavailable)
qualify row_number() over (partition by product_id order by similarity desc, similar_id asc) <= @most_similar
order by product_id asc, similarity desc, similar_id asc
