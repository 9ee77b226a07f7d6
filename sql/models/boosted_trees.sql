-- Boosted trees on all features of the first visit. The learning rate and the depth are low, since there are few
-- buyers.
-- @run_id      STRING  id of the run
-- @created_on  DATE    day on which the run was opened
create or replace model `${model}`
options (
    model_type = 'BOOSTED_TREE_CLASSIFIER',
    input_label_cols = ['will_buy_on_return_visit'],
    data_split_method = 'CUSTOM',
    data_split_col = 'is_evaluation',
    max_iterations = 60,
    learn_rate = 0.1,
    max_tree_depth = 4,
    min_tree_child_weight = 5,
    subsample = 0.8,
    early_stop = false
) as
select
    * except (run_id, created_on, split, visitor_id, first_day),
    split = 'evaluation' as is_evaluation
from training_rows
where run_id = @run_id and created_on = @created_on and split in ('train', 'evaluation')
