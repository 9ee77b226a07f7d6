{{ config(materialized='incremental', incremental_strategy='insert_overwrite', partition_by={'field': 'ordered_on', 'data_type': 'date'}) }}
select ordered_on, visitor_id, amount from {{ ref('orders_seen') }}
{% if is_incremental() %} where ordered_on >= date '2017-01-02' {% endif %}
