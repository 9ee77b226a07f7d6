-- The losses of each iteration of one model's training.
select
    iteration,
    loss,
    eval_loss,
    learning_rate,
    duration_ms
from ml.training_info(model `${model}`)
order by iteration
