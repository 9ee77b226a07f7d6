# The dataset, and the tables and views that sql/tables declares.

locals {
  # The tables that Cloud Logging writes. Cloud Logging adds a column for each new field of a log entry.
  logged = toset([for sink in values(local.sinks) : sink.table if can(sink.table)])

  # The columns of each table in BigQuery's JSON format, nested columns included.
  schemas = {
    for name, table in local.tables : name => replace(replace(
      jsonencode(table.columns), "\"required\":true", "\"mode\":\"REQUIRED\""), "\"repeated\":true", "\"mode\":\"REPEATED\""
    )
  }
}

resource "google_bigquery_dataset" "propensity" {
  dataset_id  = var.dataset
  location    = var.location
  description = "Propensity: sessions, features, scores, audiences, and the models trained on them."
  labels      = local.labels
  # The functions make models, so Terraform does not know the models and can delete them only with the dataset.
  delete_contents_on_destroy = !var.protect_data

  # Without an access block, everybody with a basic role in the project gets access to the dataset.
  access {
    role          = "OWNER"
    special_group = "projectOwners"
  }

  dynamic "default_encryption_configuration" {
    for_each = var.kms_key[*]
    content {
      kms_key_name = default_encryption_configuration.value
    }
  }

  lifecycle {
    # Other resources give each service account access.
    ignore_changes = [access]
  }

  depends_on = [google_project_service.apis, google_kms_crypto_key_iam_member.data]
}

resource "google_bigquery_table" "tables" {
  for_each = { for name, table in local.tables : name => table if !contains(local.logged, name) }

  dataset_id          = google_bigquery_dataset.propensity.dataset_id
  table_id            = each.key
  description         = each.value.description
  labels              = local.labels
  schema              = local.schemas[each.key]
  clustering          = try(each.value.cluster, null)
  deletion_protection = var.protect_data

  dynamic "time_partitioning" {
    for_each = try([each.value.partition], [])
    content {
      type          = "DAY"
      field         = time_partitioning.value
      expiration_ms = try(each.value.expiration_days * 86400000, null)
    }
  }

  dynamic "encryption_configuration" {
    for_each = var.kms_key[*]
    content {
      kms_key_name = encryption_configuration.value
    }
  }
}

resource "google_bigquery_table" "logged" {
  for_each = { for name, table in local.tables : name => table if contains(local.logged, name) }

  dataset_id          = google_bigquery_dataset.propensity.dataset_id
  table_id            = each.key
  description         = each.value.description
  labels              = local.labels
  schema              = local.schemas[each.key]
  deletion_protection = var.protect_data

  time_partitioning {
    type          = "DAY"
    field         = each.value.partition
    expiration_ms = try(each.value.expiration_days * 86400000, null)
  }

  dynamic "encryption_configuration" {
    for_each = var.kms_key[*]
    content {
      kms_key_name = encryption_configuration.value
    }
  }

  lifecycle {
    # Cloud Logging adds columns. Without this line, Terraform would replace the table to remove these columns.
    ignore_changes = [schema]
  }
}

resource "google_bigquery_table" "views" {
  for_each = local.views

  dataset_id  = google_bigquery_dataset.propensity.dataset_id
  table_id    = each.key
  description = each.value.description
  labels      = local.labels
  # A view stores no data, so it needs no protection.
  deletion_protection = false

  view {
    query = templatefile("${local.root}/sql/${each.value.view}.sql", {
      dataset = "${var.project_id}.${google_bigquery_dataset.propensity.dataset_id}"
    })
    use_legacy_sql = false
  }

  depends_on = [google_bigquery_table.tables, google_bigquery_table.logged]
}
