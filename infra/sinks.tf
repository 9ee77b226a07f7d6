# Log sinks that write to topics and to tables of the dataset. If the export is in another project, its refreshes are
# logged in that project, and no sink of this project receives the entries. In this case, the schedule `refresh` finds
# the new days.

locals {
  topic_sinks = { for name, sink in local.sinks : name => sink if can(sink.topic) }
  table_sinks = { for name, sink in local.sinks : name => sink if can(sink.table) }

  # A project may contain the exports of several properties, so the filters name the export's project and dataset.
  sink_filters = {
    for name, sink in local.sinks : name => replace(
      replace(sink.filter, "EXPORT_PROJECT", coalesce(var.export.project, var.project_id)), "EXPORT_DATASET", var.export.dataset
    )
  }
}

resource "google_logging_project_sink" "topics" {
  for_each = local.topic_sinks

  name                   = each.key
  description            = each.value.does
  destination            = "pubsub.googleapis.com/projects/${var.project_id}/topics/${google_pubsub_topic.topics[each.value.topic].name}"
  filter                 = local.sink_filters[each.key]
  unique_writer_identity = true

  depends_on = [google_project_service.apis]
}

# In newer projects, all sinks share one service account, so Terraform grants the same role twice for two sinks of the
# same topic. If you remove one of the two sinks, the other sink loses the role until the next apply. In older projects,
# each sink has its own account.
resource "google_pubsub_topic_iam_member" "sinks" {
  for_each = local.topic_sinks

  topic  = google_pubsub_topic.topics[each.value.topic].name
  role   = "roles/pubsub.publisher"
  member = google_logging_project_sink.topics[each.key].writer_identity
}

resource "google_logging_project_sink" "tables" {
  for_each = local.table_sinks

  name                   = each.key
  description            = each.value.does
  destination            = "bigquery.googleapis.com/projects/${var.project_id}/datasets/${google_bigquery_dataset.propensity.dataset_id}"
  filter                 = local.sink_filters[each.key]
  unique_writer_identity = true

  bigquery_options {
    use_partitioned_tables = true
  }

  depends_on = [google_bigquery_table.logged]
}

# Google's documentation asks for roles/bigquery.dataEditor, which would let Cloud Logging read and delete all data of
# the dataset. The custom role below contains only a part of the permissions of roles/bigquery.dataEditor. UNVERIFIED:
# Cloud Logging needs no other permissions.
resource "google_project_iam_custom_role" "log_writer" {
  role_id     = "propensityLogWriter"
  title       = "Propensity: log tables"
  description = "Creates tables and adds columns and rows; cannot read rows or delete anything."
  permissions = [
    "bigquery.datasets.get",
    "bigquery.tables.create",
    "bigquery.tables.get",
    "bigquery.tables.list",
    "bigquery.tables.update",
    "bigquery.tables.updateData",
  ]

  depends_on = [google_project_service.apis]
}

resource "google_bigquery_dataset_iam_member" "sinks" {
  for_each = local.table_sinks

  dataset_id = google_bigquery_dataset.propensity.dataset_id
  role       = local.own_roles.log_writer
  member     = google_logging_project_sink.tables[each.key].writer_identity
}
