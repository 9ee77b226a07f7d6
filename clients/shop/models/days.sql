{{ config(materialized='incremental', unique_key='ordered_on', incremental_strategy='merge') }}
select ordered_on, sum(amount) as amount from {{ ref('orders_seen') }}
{% if is_incremental() %} where ordered_on >= (select max(ordered_on) from {{ this }}) {% endif %}
group by ordered_on
