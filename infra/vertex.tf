# The endpoint, on which deploy_model deploys the models.

resource "google_vertex_ai_endpoint" "propensity" {
  # The provider's documentation says that the name must be numeric, but the API accepts letters.
  name         = module.settings.chosen.endpoint_id
  display_name = module.settings.chosen.endpoint_id
  description  = "Serves the champion, and a canary while it is compared with the champion."
  location     = local.serving_region
  labels       = local.labels

  lifecycle {
    # deploy_model and `propensity rollback` change the traffic split; an apply must not reset it.
    ignore_changes = [traffic_split]
  }

  depends_on = [google_project_service.apis]
}
