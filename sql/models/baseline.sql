-- Logistic regression on bounces and time on site, as in the blog post that this project began with.
-- @run_id      STRING  id of the run
-- @created_on  DATE    day on which the run was opened
create or replace model `${model}`
options (
    model_type = 'LOGISTIC_REG',
    input_label_cols = ['will_buy_on_return_visit'],
    data_split_method = 'CUSTOM',
    data_split_col = 'is_evaluation'
) as
select
    bounces,
    time_on_site,
    will_buy_on_return_visit,
    split = 'evaluation' as is_evaluation
from training_rows
where run_id = @run_id and created_on = @created_on and split in ('train', 'evaluation')
