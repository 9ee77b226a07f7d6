# The permissions of each function, exactly as functions/functions.yaml declares them. A permission is granted on single
# tables, folders, topics and secrets if Google allows this, and otherwise on the dataset or the project.

locals {
  may = merge([
    for name, function in local.functions : {
      for thing in concat(
        [for one in function.reads : { verb = "reads", what = one }],
        [for one in function.writes : { verb = "writes", what = one }],
        [for one in concat(function.emits, try(function.rejects, false) ? [local.delivery.dead_letter_topic] : []) : { verb = "publishes", what = one }],
        [for one in try(function.secrets, []) : { verb = "knows", what = one }],
        [for one in try(function.roles, []) : { verb = "has", what = one }],
      ) : "${name} ${thing.verb} ${thing.what}" => merge(thing, { function = name })
    }
  ]...)

  reads  = { for key, one in local.may : key => one if one.verb == "reads" }
  writes = { for key, one in local.may : key => one if one.verb == "writes" }

  # `objects` maps a folder of the bucket, or a pattern of object names, to the IAM condition that matches its objects.
  # In a pattern, * matches any part of a name.
  reads_objects = { for key, one in local.reads : key => one if strcontains(one.what, "/") }
  objects = {
    for what in distinct([for one in values(merge(local.reads, local.writes)) : one.what if strcontains(one.what, "/")]) :
    what => join(" && ", concat(
      ["resource.name.startsWith(\"projects/_/buckets/${google_storage_bucket.runs.name}/objects/${split("*", what)[0]}\")"],
      [for end in regexall("[*](.+)", what)[*][0] : "resource.name.endsWith(\"${end}\")"],
    ))
  }

  # The resource names of the custom roles. They are composed here, so that a plan can show who gets which role.
  own_roles = {
    for name, role in merge(google_project_iam_custom_role.functions, {
      table_writer  = google_project_iam_custom_role.table_writer
      model_reader  = google_project_iam_custom_role.model_reader
      model_writer  = google_project_iam_custom_role.model_writer
      object_lister = google_project_iam_custom_role.object_lister
      log_writer    = google_project_iam_custom_role.log_writer
    }) : name => "projects/${var.project_id}/roles/${role.role_id}"
  }

  relations_made = merge(google_bigquery_table.tables, google_bigquery_table.logged, google_bigquery_table.views)
}

# A destroyed role can be restored for 7 days. After that, its id cannot be used again until about the 37th day.
resource "google_project_iam_custom_role" "table_writer" {
  role_id     = "propensityTableWriter"
  title       = "Propensity: rows of a table"
  description = "Reads, writes and replaces the rows of a table; cannot alter or delete the table."
  permissions = ["bigquery.tables.get", "bigquery.tables.getData", "bigquery.tables.updateData"]

  depends_on = [google_project_service.apis]
}

resource "google_project_iam_custom_role" "model_reader" {
  role_id     = "propensityModelReader"
  title       = "Propensity: models' predictions"
  description = "Predicts with a dataset's models and reads their metadata."
  permissions = ["bigquery.models.getData", "bigquery.models.getMetadata"]

  depends_on = [google_project_service.apis]
}

resource "google_project_iam_custom_role" "model_writer" {
  role_id     = "propensityModelWriter"
  title       = "Propensity: models"
  description = "Trains, reads, renames and exports a dataset's models; cannot delete them."
  permissions = [
    "bigquery.models.create",
    "bigquery.models.export",
    "bigquery.models.getData",
    "bigquery.models.getMetadata",
    "bigquery.models.updateData",
    "bigquery.models.updateMetadata",
  ]

  depends_on = [google_project_service.apis]
}

resource "google_project_iam_custom_role" "object_lister" {
  role_id     = "propensityObjectLister"
  title       = "Propensity: names of objects"
  description = "Lists the objects of a bucket; cannot read them."
  permissions = ["storage.objects.list"]

  depends_on = [google_project_service.apis]
}

resource "google_project_iam_custom_role" "functions" {
  for_each = { for name, function in local.functions : name => function if length(function.permissions) > 0 }

  role_id     = "propensity_${each.key}"
  title       = "Propensity: ${each.key}"
  description = "The permissions that ${each.key} needs on the whole project."
  permissions = each.value.permissions

  depends_on = [google_project_service.apis]
}

resource "google_project_iam_member" "permissions" {
  for_each = google_project_iam_custom_role.functions

  project = var.project_id
  role    = local.own_roles[each.key]
  member  = local.members[each.key]
}

resource "google_project_iam_member" "roles" {
  for_each = { for key, one in local.may : key => one if one.verb == "has" }

  project = var.project_id
  role    = each.value.what
  member  = local.members[each.value.function]
}

resource "google_bigquery_table_iam_member" "readers" {
  for_each = { for key, one in local.reads : key => one if contains(keys(local.relations), one.what) }

  dataset_id = google_bigquery_dataset.propensity.dataset_id
  table_id   = local.relations_made[each.value.what].table_id
  role       = "roles/bigquery.dataViewer"
  member     = local.members[each.value.function]
}

resource "google_bigquery_table_iam_member" "writers" {
  for_each = { for key, one in local.writes : key => one if contains(keys(local.relations), one.what) }

  dataset_id = google_bigquery_dataset.propensity.dataset_id
  table_id   = local.relations_made[each.value.what].table_id
  role       = local.own_roles.table_writer
  member     = local.members[each.value.function]
}

# Google has no permissions on a single model, so the role is granted on the dataset.
resource "google_bigquery_dataset_iam_member" "model_readers" {
  for_each = { for key, one in local.reads : key => one if one.what == "models" }

  dataset_id = google_bigquery_dataset.propensity.dataset_id
  role       = local.own_roles.model_reader
  member     = local.members[each.value.function]
}

resource "google_bigquery_dataset_iam_member" "model_writers" {
  for_each = { for key, one in local.writes : key => one if one.what == "models" }

  dataset_id = google_bigquery_dataset.propensity.dataset_id
  role       = local.own_roles.model_writer
  member     = local.members[each.value.function]
}

# A query with a wildcard reads the list of the dataset's tables, so permissions on single tables are not enough.
resource "google_bigquery_dataset_iam_member" "export_readers" {
  # No role is granted on Google's public datasets, because everybody can read them and nobody can grant a role there.
  for_each = { for key, one in local.reads : key => one if one.what == "export" && var.export.project != "bigquery-public-data" }

  project    = coalesce(var.export.project, var.project_id)
  dataset_id = var.export.dataset
  role       = "roles/bigquery.dataViewer"
  member     = local.members[each.value.function]
}

resource "google_storage_bucket_iam_member" "readers" {
  for_each = { for key, one in local.reads : key => one if one.what == "bucket" }

  bucket = google_storage_bucket.runs.name
  role   = "roles/storage.objectViewer"
  member = local.members[each.value.function]
}

resource "google_storage_bucket_iam_member" "object_readers" {
  for_each = local.reads_objects

  bucket = google_storage_bucket.runs.name
  role   = "roles/storage.objectViewer"
  member = local.members[each.value.function]

  condition {
    title      = "Only ${each.value.what}"
    expression = local.objects[each.value.what]
  }

  lifecycle {
    precondition {
      condition     = can(regex("^[^*]+(/|[*][^*]*[^*/])?$", each.value.what))
      error_message = "functions/functions.yaml: ${each.value.function} reads ${each.value.what}, but only an object's name may contain *, and only once."
    }
  }
}

# Without the permission to list objects, a missing object answers 403 instead of 404. The functions may list all names,
# because the names contain no personal data.
resource "google_storage_bucket_iam_member" "object_listers" {
  for_each = toset(values(local.reads_objects)[*].function)

  bucket = google_storage_bucket.runs.name
  role   = local.own_roles.object_lister
  member = local.members[each.key]
}

resource "google_storage_bucket_iam_member" "writers" {
  for_each = { for key, one in local.writes : key => one if strcontains(one.what, "/") }

  bucket = google_storage_bucket.runs.name
  role   = "roles/storage.objectUser"
  member = local.members[each.value.function]

  condition {
    title      = "Only ${each.value.what}"
    expression = local.objects[each.value.what]
  }
}

resource "google_pubsub_topic_iam_member" "publishers" {
  for_each = { for key, one in local.may : key => one if one.verb == "publishes" }

  topic  = google_pubsub_topic.topics[each.value.what].name
  role   = "roles/pubsub.publisher"
  member = local.members[each.value.function]
}

resource "google_secret_manager_secret_iam_member" "functions" {
  for_each = { for key, one in local.may : key => one if one.verb == "knows" }

  secret_id = google_secret_manager_secret.secrets[each.value.what].secret_id
  role      = "roles/secretmanager.secretAccessor"
  member    = local.members[each.value.function]
}
