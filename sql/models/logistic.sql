-- Logistic regression on all features of the first visit.
-- @run_id      STRING  id of the run
-- @created_on  DATE    day on which the run was opened
create or replace model `${model}`
options (
    model_type = 'LOGISTIC_REG',
    input_label_cols = ['will_buy_on_return_visit'],
    data_split_method = 'CUSTOM',
    data_split_col = 'is_evaluation',
    l2_reg = 1.0
) as
select
    * except (run_id, created_on, split, visitor_id, first_day),
    split = 'evaluation' as is_evaluation
from training_rows
where run_id = @run_id and created_on = @created_on and split in ('train', 'evaluation')
