-- What each input of a logistic regression weighs.
select
    processed_input,
    weight,
    category_weights
from ml.weights(model `${model}`)
