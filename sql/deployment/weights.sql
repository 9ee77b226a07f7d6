-- Return the weights of a logistic regression: one row per input. A numeric input has one weight. A categorical input
-- has one weight per category, in category_weights.
select
    processed_input,
    weight,
    category_weights
from ml.weights(model `${model}`)
