{{ config(materialized='table', partition_by={'field': 'first_ordered_on', 'data_type': 'date'}, cluster_by=['visitor_id'], labels={'team': 'shop'}) }}
select visitor_id, sum(amount) as amount, min(ordered_on) as first_ordered_on, count(*) as orders from {{ ref('orders_seen') }} group by visitor_id
