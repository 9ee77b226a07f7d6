-- Register the BigQuery model as a version of the registered model in Vertex AI (serving.model_id).
alter model `${model}` set options (vertex_ai_model_id = '${model_id}')
