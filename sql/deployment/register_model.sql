-- Register the model as a version of the model in Vertex AI's registry.
alter model `${model}` set options (vertex_ai_model_id = '${model_id}')
