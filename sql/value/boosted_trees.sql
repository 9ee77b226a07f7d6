-- Boosted trees that forecast, from a customer's history until @as_of, the revenue or an order in the horizon after
-- @as_of. The learning rate and the depth are low, since few customers buy and their revenue varies much.
-- @run_id      STRING  id of the run
-- @created_on  DATE    day on which the run was opened
-- @as_of       DATE    day of the histories
-- @is_revenue  BOOL    true to learn the revenue; false to learn whether the customer ordered, 0 or 1
create or replace model `${model}`
options (
    model_type = 'BOOSTED_TREE_REGRESSOR',
    input_label_cols = ['outcome'],
    data_split_method = 'NO_SPLIT',
    max_iterations = 60,
    learn_rate = 0.1,
    max_tree_depth = 4,
    min_tree_child_weight = 20,
    subsample = 0.8,
    early_stop = false
) as
select
    frequency,
    recency,
    age,
    age - recency as days_since_order,
    mean_value,
    revenue,
    if(@is_revenue, later_revenue, if(later_orders > 0, 1.0, 0.0)) as outcome
from customer_histories
where run_id = @run_id and created_on = @created_on and as_of = @as_of
