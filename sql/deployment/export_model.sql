-- Export the model's files to the run's folder.
export model `${model}` options (uri = '${folder}')
