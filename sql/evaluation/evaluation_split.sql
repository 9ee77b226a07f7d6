-- BigQuery ML's own metrics on the rows that early stopping watched.
select *
from ml.evaluate(model `${model}`)
