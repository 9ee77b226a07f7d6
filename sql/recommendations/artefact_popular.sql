-- The products that most visitors are interested in.
-- @run_id        STRING         the run
-- @created_on    DATE           day on which the run was opened
-- @unavailable   ARRAY<STRING>  products that are out of stock
-- @most_popular  INT64          most products to return (recommendations.most_popular)
select product_id
from visitor_products
where run_id = @run_id and created_on = @created_on and product_id not in unnest(@unavailable)
group by product_id
qualify row_number() over (order by count(*) desc, product_id asc) <= @most_popular
order by count(*) desc, product_id asc
