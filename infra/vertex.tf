# The endpoint; deploy_model fills it.

resource "google_vertex_ai_endpoint" "propensity" {
  # Letters are right here: that the name must be numeric, as the provider says, the API has given up.
  name         = module.settings.chosen.endpoint_id
  display_name = module.settings.chosen.endpoint_id
  description  = "Serves the champion, and beside it a canary while one is compared."
  location     = local.serving_region
  labels       = local.labels

  lifecycle {
    # deploy_model and `propensity rollback` move traffic; an apply must not move it back.
    ignore_changes = [traffic_split]
  }

  depends_on = [google_project_service.apis]
}
