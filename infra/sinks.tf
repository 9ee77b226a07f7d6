# What Cloud Logging passes on: to topics, and to tables of the dataset. An export in another project is logged there and
# heard by no sink here: its days are found by the schedule `refresh`.

locals {
  topic_sinks = { for name, sink in local.sinks : name => sink if can(sink.topic) }
  table_sinks = { for name, sink in local.sinks : name => sink if can(sink.table) }

  # A project may hold the exports of several properties.
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

# Sinks of one project share an account by now, so two to a topic give it one right twice: removing one of them takes the
# other's too, until the next apply. Older projects have an account a sink.
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

# Google's page asks for the dataset's data editor, which would let Cloud Logging read and remove everything in it.
# UNVERIFIED: that these, a part of it, are all that Cloud Logging uses.
resource "google_project_iam_custom_role" "log_writer" {
  role_id     = "propensityLogWriter"
  title       = "Propensity: log tables"
  description = "Makes tables, adds columns and rows; reads no rows and removes nothing."
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
