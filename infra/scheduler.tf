# The schedules of functions/functions.yaml. Each schedule publishes a fixed message to a topic.

resource "google_cloud_scheduler_job" "schedules" {
  for_each = local.schedules

  name        = each.key
  description = each.value.does
  region      = local.region
  schedule    = each.value.cron
  time_zone   = each.value.time_zone

  pubsub_target {
    topic_name = google_pubsub_topic.topics[each.value.topic].id
    data       = base64encode(jsonencode(each.value.body))
  }

  depends_on = [google_project_service.apis]
}
