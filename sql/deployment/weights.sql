-- Return the weights of a logistic regression: one row per input. A number has a weight, and a category has weights by
-- value in category_weights.
select
    processed_input,
    weight,
    category_weights
from ml.weights(model `${model}`)
