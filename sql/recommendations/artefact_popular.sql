-- Return the products with the largest numbers of interested visitors.
-- @run_id        STRING         id of the run
-- @created_on    DATE           day on which the run was opened
-- @unavailable   ARRAY<STRING>  products that are out of stock
-- @most_popular  INT64          maximum number of products to return (recommendations.most_popular)
select product_id
from visitor_products
where run_id = @run_id and created_on = @created_on and product_id not in unnest(@unavailable)
group by product_id
qualify row_number() over (order by count(*) desc, product_id asc) <= @most_popular
order by count(*) desc, product_id asc
