-- Make the model a version of the registered one.
alter model `${model}` set options (vertex_ai_model_id = '${model_id}')
