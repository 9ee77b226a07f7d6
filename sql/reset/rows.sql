-- Return the number of rows per table and run. run_id is NULL for tables that all runs share.
with
owners as (
    select
        'training_rows' as table_name,
        run_id
    from training_rows
    union all
    select
        'evaluation_rows' as table_name,
        run_id
    from evaluation_rows
    union all
    select
        'model_health' as table_name,
        run_id
    from model_health
    union all
    select
        'scores' as table_name,
        run_id
    from scores
    union all
    select
        'audience' as table_name,
        run_id
    from audience
    union all
    select
        'visitor_products' as table_name,
        run_id
    from visitor_products
    union all
    select
        'product_similarities' as table_name,
        run_id
    from product_similarities
    union all
    select
        'recommended_products' as table_name,
        run_id
    from recommended_products
    union all
    select
        'product_itemsets' as table_name,
        run_id
    from product_itemsets
    union all
    select
        'product_rules' as table_name,
        run_id
    from product_rules
    union all
    select
        'visitor_recommendations' as table_name,
        run_id
    from visitor_recommendations
    union all
    select
        'audience_customers' as table_name,
        run_id
    from audience_customers
    union all
    select
        'exclusions' as table_name,
        run_id
    from exclusions
    union all
    select
        'destination_changes' as table_name,
        run_id
    from destination_changes
    union all
    select
        'campaign_results' as table_name,
        run_id
    from campaign_results
    union all
    select
        'campaign_uplift' as table_name,
        run_id
    from campaign_uplift
    union all
    select
        'customer_histories' as table_name,
        run_id
    from customer_histories
    union all
    select
        'customer_forecasts' as table_name,
        run_id
    from customer_forecasts
    union all
    select
        'customer_value' as table_name,
        run_id
    from customer_value
    union all
    select
        'customer_value_methods' as table_name,
        run_id
    from customer_value_methods
    union all
    select
        'customers' as table_name,
        cast(null as string) as run_id
    from customers
    union all
    select
        'refused_customers' as table_name,
        cast(null as string) as run_id
    from refused_customers
    union all
    select
        'customer_visitors' as table_name,
        cast(null as string) as run_id
    from customer_visitors
    union all
    select
        'champion_history' as table_name,
        cast(null as string) as run_id
    from champion_history
    union all
    select
        'source_days' as table_name,
        cast(null as string) as run_id
    from source_days
    union all
    select
        'order_reports' as table_name,
        cast(null as string) as run_id
    from order_reports
    union all
    select
        'orders' as table_name,
        cast(null as string) as run_id
    from orders
    union all
    select
        'sessions' as table_name,
        cast(null as string) as run_id
    from sessions
    union all
    select
        'interactions' as table_name,
        cast(null as string) as run_id
    from interactions
    union all
    select
        'conversions' as table_name,
        cast(null as string) as run_id
    from conversions
    union all
    select
        'visitor_features' as table_name,
        cast(null as string) as run_id
    from visitor_features
)

select
    table_name,
    run_id,
    count(*) as row_count
from owners
group by table_name, run_id
