-- The products that most visitors are interested in.
select product_id
from visitor_products
where run_id = @run_id and created_on = @created_on and product_id not in unnest(@unavailable)
group by product_id
qualify row_number() over (order by count(*) desc, product_id asc) <= @most_popular
order by count(*) desc, product_id asc
