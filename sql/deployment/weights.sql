-- Return the weight of each input of a logistic regression.
select
    processed_input,
    weight,
    category_weights
from ml.weights(model `${model}`)
