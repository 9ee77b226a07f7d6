-- Return one row per method: how often the held-out product is recommended (recall), and how high it is ranked (NDCG).
-- The row also has the gain in NDCG over popularity, with the gain's standard error over the same visitors. Each
-- visitor has one held-out product, so the discounted gain is 1 / log2(1 + place), and the ideal gain is 1.
-- @run_id      STRING         id of the run
-- @created_on  DATE           day on which the run was opened
-- @methods     ARRAY<STRING>  methods to compare
with
held_out as (
    select
        visitor_id,
        product_id
    from visitor_products
    where run_id = @run_id and created_on = @created_on and is_held_out
),

found as (
    select
        recommended.method,
        held_out.visitor_id,
        ln(2) / ln(1 + recommended.place) as gain
    from held_out
    inner join recommended_products as recommended
        on held_out.visitor_id = recommended.visitor_id and held_out.product_id = recommended.product_id
    where recommended.run_id = @run_id and recommended.created_on = @created_on and not recommended.is_final
),

methods as (
    select method
    from unnest(@methods) as method
),

judged as (
    select
        methods.method,
        coalesce(found.gain, 0) as gain,
        coalesce(popularity.gain, 0) as popularity_gain
    from held_out
    cross join methods
    left join found
        on held_out.visitor_id = found.visitor_id and methods.method = found.method
    left join found as popularity
        on held_out.visitor_id = popularity.visitor_id and popularity.method = 'popularity'
)

select
    method,
    count(*) as visitors,
    avg(if(gain > 0, 1, 0)) as recall,
    avg(gain) as ndcg,
    avg(gain - popularity_gain) as ndcg_gain,
    coalesce(stddev_samp(gain - popularity_gain), 0) / sqrt(count(*)) as ndcg_gain_error
from judged
group by method
order by ndcg desc, method asc
