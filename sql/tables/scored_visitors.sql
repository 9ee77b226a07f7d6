-- Return the scored visitors with their recommended products. Another function writes the recommendations, perhaps
-- later than the scores. Until then, next_products is NULL.
with
recommendations as (
    select
        day,
        visitor_id,
        max(method) as recommended_by,
        array_agg(product_id order by place) as next_products
    from `${dataset}.visitor_recommendations`
    group by day, visitor_id
)

select
    scores.day,
    scores.visitor_id,
    scores.probability,
    scores.decile,
    scores.offer,
    scores.model_version,
    recommendations.next_products,
    recommendations.recommended_by
from `${dataset}.scores` as scores
left join recommendations
    on scores.day = recommendations.day and scores.visitor_id = recommendations.visitor_id
