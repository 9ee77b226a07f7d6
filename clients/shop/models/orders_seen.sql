{{ config(materialized='view') }}
select order_id, visitor_id, amount_cents / 100 as amount, ordered_on from {{ ref('orders') }}
