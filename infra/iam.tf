# What each function may do: exactly what stands with it in functions/functions.yaml, on tables, folders, topics and
# secrets where Google allows it, on the project where it does not.

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

  # Folders of the bucket, and objects of which * stands for a part of the name, each with IAM's condition for it.
  reads_objects = { for key, one in local.reads : key => one if strcontains(one.what, "/") }
  objects = {
    for what in distinct([for one in values(merge(local.reads, local.writes)) : one.what if strcontains(one.what, "/")]) :
    what => join(" && ", concat(
      ["resource.name.startsWith(\"projects/_/buckets/${google_storage_bucket.runs.name}/objects/${split("*", what)[0]}\")"],
      [for end in regexall("[*](.+)", what)[*][0] : "resource.name.endsWith(\"${end}\")"],
    ))
  }

  # Roles of our own, as Google names them, so that a plan shows already who may do what.
  own_roles = {
    for name, role in merge(google_project_iam_custom_role.functions, {
      table_writer  = google_project_iam_custom_role.table_writer
      model_reader  = google_project_iam_custom_role.model_reader
      model_writer  = google_project_iam_custom_role.model_writer
      object_lister = google_project_iam_custom_role.object_lister
      log_writer    = google_project_iam_custom_role.log_writer
    }) : name => "projects/${var.project_id}/roles/${role.role_id}"
  }

  relations_made = merge(google_bigquery_table.tables, google_bigquery_table.views)
}

# Once destroyed, a role's id cannot be given again from the 7th to about the 37th day after; until then it is revived.
resource "google_project_iam_custom_role" "table_writer" {
  role_id     = "propensityTableWriter"
  title       = "Propensity: rows of a table"
  description = "Reads, writes and replaces a table's rows; neither alters nor removes the table."
  permissions = ["bigquery.tables.get", "bigquery.tables.getData", "bigquery.tables.updateData"]

  depends_on = [google_project_service.apis]
}

resource "google_project_iam_custom_role" "model_reader" {
  role_id     = "propensityModelReader"
  title       = "Propensity: models' predictions"
  description = "Predicts with a dataset's models and reads what they are."
  permissions = ["bigquery.models.getData", "bigquery.models.getMetadata"]

  depends_on = [google_project_service.apis]
}

resource "google_project_iam_custom_role" "model_writer" {
  role_id     = "propensityModelWriter"
  title       = "Propensity: models"
  description = "Trains, reads, names and exports a dataset's models; removes none."
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
  description = "Lists a bucket's objects; reads none."
  permissions = ["storage.objects.list"]

  depends_on = [google_project_service.apis]
}

resource "google_project_iam_custom_role" "functions" {
  for_each = { for name, function in local.functions : name => function if length(function.permissions) > 0 }

  role_id     = "propensity_${each.key}"
  title       = "Propensity: ${each.key}"
  description = "What ${each.key} needs of the whole project."
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

# Google grants nothing on a single model.
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

# A wildcard query reads the dataset's list of tables, so one table at a time will not do.
resource "google_bigquery_dataset_iam_member" "export_readers" {
  # Google's public datasets are everybody's to read and nobody's to grant.
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
      error_message = "functions/functions.yaml: ${each.value.function} reads ${each.value.what}, but * may stand once in an object's name, and not in a folder's."
    }
  }
}

# Who may not list a bucket is told of an object that is not there that it is forbidden. Names of objects tell of nobody.
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
