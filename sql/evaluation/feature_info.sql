-- What each input of one model looked like in training.
select *
from ml.feature_info(model `${model}`)
order by input
