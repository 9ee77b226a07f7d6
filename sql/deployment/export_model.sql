-- The model as files, in the run's folder.
export model `${model}` options (uri = '${folder}')
