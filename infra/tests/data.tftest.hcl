# The dataset, its tables and views, the bucket, the secrets and the endpoint are as declared, and in the right locations.

mock_provider "google" {
  source = "./tests/mocks"
}

run "what_is_declared_is_made_private_and_protected" {
  command = plan

  plan_options {
    target = [google_bigquery_dataset.propensity, google_bigquery_table.logged, google_bigquery_table.tables, google_bigquery_table.views, google_secret_manager_secret.secrets, google_storage_bucket.runs]
  }

  assert {
    condition = toset(concat(keys(google_bigquery_table.tables), keys(google_bigquery_table.logged), keys(google_bigquery_table.views))) == toset([
      for path in fileset("../sql/tables", "*.yaml") : trimsuffix(path, ".yaml")
    ])
    error_message = "Each file in sql/tables makes one table or view."
  }

  assert {
    condition = alltrue([for name, table in merge(google_bigquery_table.tables, google_bigquery_table.logged) : alltrue([
      for column in yamldecode(file("../sql/tables/${name}.yaml")).columns : contains([
        for made in jsondecode(table.schema) : [made.name, made.type, try(made.mode, "NULLABLE"), made.description]
      ], [column.name, column.type, try(column.required, false) ? "REQUIRED" : try(column.repeated, false) ? "REPEATED" : "NULLABLE", column.description])
    ])])
    error_message = "Columns have the declared names, types, modes and descriptions."
  }

  assert {
    condition = alltrue([for table in merge(google_bigquery_table.tables, google_bigquery_table.logged) :
      !strcontains(table.schema, "\"required\"") && !strcontains(table.schema, "\"repeated\"")
    ])
    error_message = "BigQuery knows modes, at any depth, where the declaration says required and repeated."
  }

  assert {
    condition = one([
      for column in one([for column in one([for column in jsondecode(google_bigquery_table.logged["run_googleapis_com_stdout"].schema) : column if column.name == "jsonPayload"]).fields : column if column.name == "prediction"]).fields : column.mode if column.name == "next_products"
    ]) == "REPEATED"
    error_message = "Nested columns have their modes too."
  }

  assert {
    condition = alltrue([for name, made in merge(google_bigquery_table.tables, google_bigquery_table.logged) :
      one(made.time_partitioning[*].field) == try(local.relations[name].partition, null) &&
      jsonencode(made.clustering) == jsonencode(try(local.relations[name].cluster, null))
    ])
    error_message = "Tables are partitioned and clustered as declared."
  }

  assert {
    condition = alltrue([for name, table in local.tables :
      merge(google_bigquery_table.tables, google_bigquery_table.logged)[name].time_partitioning[0].expiration_ms == table.expiration_days * 86400000 if can(table.expiration_days)
    ])
    error_message = "Partitions expire after the declared days."
  }

  assert {
    condition     = alltrue([for name, made in merge(google_bigquery_table.tables, google_bigquery_table.logged, google_bigquery_table.views) : made.description == local.relations[name].description])
    error_message = "Tables and views have the declared descriptions."
  }

  assert {
    condition = toset(flatten([for table in values(local.relations) : keys(table)])) == toset([
      "description", "columns", "partition", "expiration_days", "cluster", "view", "person",
    ])
    error_message = "Each name that is declared of a table is one that the tests here look for."
  }

  assert {
    condition     = toset(keys(google_bigquery_table.logged)) == toset([for sink in yamldecode(file("../functions/functions.yaml")).sinks : sink.table if can(sink.table)])
    error_message = "The table of a sink keeps the columns that Cloud Logging adds."
  }

  assert {
    condition     = alltrue([for view in google_bigquery_table.views : strcontains(view.view[0].query, "`shop-prod.propensity.") && !strcontains(view.view[0].query, "$")])
    error_message = "Views read this project's dataset."
  }

  assert {
    condition     = [for access in google_bigquery_dataset.propensity.access : "${access.role} ${access.special_group}"] == ["OWNER projectOwners"]
    error_message = "Only the project's owners have access without a separate grant."
  }

  assert {
    condition     = google_bigquery_dataset.propensity.default_table_expiration_ms == null && google_bigquery_dataset.propensity.default_partition_expiration_ms == null
    error_message = "A default expiration would remove models and scores."
  }

  assert {
    condition     = google_storage_bucket.runs.name == "shop-prod-propensity-prod" && google_storage_bucket.runs.labels.environment == "prod"
    error_message = "The bucket is named for project and environment."
  }

  assert {
    condition     = google_storage_bucket.runs.uniform_bucket_level_access && google_storage_bucket.runs.public_access_prevention == "enforced" && google_storage_bucket.runs.versioning[0].enabled
    error_message = "The bucket has uniform access, is not public, and keeps replaced objects."
  }

  assert {
    condition = { for rule in google_storage_bucket.runs.lifecycle_rule : one(one(rule.condition).matches_prefix) => one(rule.condition).age if one(rule.condition).matches_prefix != null } == {
      for rule in yamldecode(file("../functions/functions.yaml")).lifecycle : rule.prefix => rule.days
    }
    error_message = "Objects are removed as functions.yaml declares."
  }

  assert {
    condition     = anytrue([for rule in google_storage_bucket.runs.lifecycle_rule : one(rule.condition).days_since_noncurrent_time == 14])
    error_message = "Former versions are not kept for ever."
  }

  assert {
    condition     = alltrue([for table in merge(google_bigquery_table.tables, google_bigquery_table.logged) : table.deletion_protection]) && !google_bigquery_dataset.propensity.delete_contents_on_destroy
    error_message = "`terraform destroy` must not delete the tables."
  }

  assert {
    condition     = !google_storage_bucket.runs.force_destroy && alltrue([for secret in google_secret_manager_secret.secrets : secret.deletion_protection])
    error_message = "`terraform destroy` must not delete the bucket and the secrets."
  }

  assert {
    condition     = toset(keys(google_secret_manager_secret.secrets)) == toset(flatten([for function in values(yamldecode(file("../functions/functions.yaml")).functions) : try(function.secrets, [])]))
    error_message = "Each declared secret has an entry."
  }
}

run "an_environment_decides_otherwise_and_a_trial_leaves_nothing" {
  command = plan

  variables {
    dataset      = "shop"
    export       = { dataset = "analytics_1", project = "shop-analytics" }
    settings     = { gate = { min_positives = 50 }, source = { max_hits = 300 }, serving = { endpoint_id = "checkout" }, wait_seconds = 300 }
    protect_data = false
  }

  assert {
    condition = local.settings == {
      bucket       = "shop-prod-propensity-prod"
      location     = "US"
      dataset      = "shop"
      source       = { dataset = "analytics_1", kind = "ga4", project = "shop-analytics", max_hits = 300 }
      serving      = { region = "us-central1", endpoint_id = "checkout" }
      gate         = { min_positives = 50 }
      wait_seconds = 300
    }
    error_message = "The settings of Terraform and of var.settings are merged, section by section."
  }

  assert {
    condition     = google_vertex_ai_endpoint.propensity.name == "checkout" && google_vertex_ai_endpoint.propensity.location == "us-central1" && google_bigquery_dataset.propensity.dataset_id == "shop"
    error_message = "The settings name the resources that Terraform creates."
  }

  assert {
    condition     = !anytrue([for table in merge(google_bigquery_table.tables, google_bigquery_table.logged, google_bigquery_table.views) : table.deletion_protection]) && google_bigquery_dataset.propensity.delete_contents_on_destroy
    error_message = "Without protection, the dataset is deleted with its content."
  }

  assert {
    condition     = google_storage_bucket.runs.force_destroy && !anytrue([for secret in google_secret_manager_secret.secrets : secret.deletion_protection])
    error_message = "Without protection, the bucket and the secrets can be deleted too."
  }
}

run "a_key_of_ones_own_protects_dataset_tables_and_bucket" {
  command = plan

  plan_options {
    target = [google_bigquery_dataset.propensity, google_bigquery_table.tables, google_bigquery_table.logged, google_storage_bucket.runs, google_kms_crypto_key_iam_member.data]
  }

  variables {
    kms_key = "projects/shop-keys/locations/us/keyRings/shop/cryptoKeys/propensity"
  }

  assert {
    condition     = google_bigquery_dataset.propensity.default_encryption_configuration[0].kms_key_name == var.kms_key && google_storage_bucket.runs.encryption[0].default_kms_key_name == var.kms_key
    error_message = "Dataset and bucket have the key."
  }

  assert {
    condition     = alltrue([for table in merge(google_bigquery_table.tables, google_bigquery_table.logged) : table.encryption_configuration[0].kms_key_name == var.kms_key])
    error_message = "Tables name the dataset's key, because otherwise each plan would replace them."
  }

  assert {
    condition     = { for name, grant in google_kms_crypto_key_iam_member.data : name => grant.role } == { for name in ["bigquery", "storage"] : name => "roles/cloudkms.cryptoKeyEncrypterDecrypter" }
    error_message = "BigQuery and Cloud Storage may use the key, and do no more with it."
  }
}

run "a_european_shop_keeps_everything_in_europe" {
  command = plan

  plan_options {
    target = [
      data.google_bigquery_datasets.exports, terraform_data.places,
      google_bigquery_dataset.propensity, google_storage_bucket.runs, google_storage_bucket.source,
      google_cloudfunctions2_function.functions, google_cloud_run_v2_service_iam_member.push, google_cloud_scheduler_job.schedules,
      google_secret_manager_secret.secrets, google_vertex_ai_endpoint.propensity, google_artifact_registry_repository_iam_member.build,
      google_cloudbuild_trigger.main,
    ]
  }

  variables {
    location   = "EU"
    kms_key    = "projects/shop-keys/locations/europe/keyRings/shop/cryptoKeys/propensity"
    deployment = { repository = "projects/shop-prod/locations/europe-west1/connections/github/repositories/propensity" }
  }

  override_data {
    target = data.google_bigquery_datasets.exports
    values = { datasets = [{ dataset_id = "analytics_1", location = "EU", friendly_name = "", labels = {} }] }
  }

  assert {
    condition     = toset([google_bigquery_dataset.propensity.location, google_storage_bucket.runs.location, google_storage_bucket.source.location]) == toset([var.location])
    error_message = "Dataset and buckets are in the export's location."
  }

  assert {
    condition     = toset(concat(values(google_cloudfunctions2_function.functions)[*].location, values(google_cloud_run_v2_service_iam_member.push)[*].location)) == toset(["europe-west1"])
    error_message = "Functions of EU data run where every project may build them, and are called there."
  }

  assert {
    condition     = toset(values(google_cloud_scheduler_job.schedules)[*].region) == toset(["europe-west1"])
    error_message = "Schedules lie in the functions' region."
  }

  assert {
    condition     = toset([for secret in google_secret_manager_secret.secrets : one(secret.replication[0].user_managed[0].replicas[*].location)]) == toset(["europe-west1"])
    error_message = "A secret stays in the functions' region."
  }

  assert {
    condition     = google_vertex_ai_endpoint.propensity.location == "europe-west4"
    error_message = "The endpoint serves where BigQuery registers models."
  }

  assert {
    condition     = toset([google_artifact_registry_repository.functions.location, google_artifact_registry_repository_iam_member.build.location, google_cloudbuild_trigger.main[0].location]) == toset(["europe-west1"])
    error_message = "Images are built and kept in the functions' region."
  }

  assert {
    condition     = alltrue([for made in google_cloudfunctions2_function.functions : alltrue([for told in [jsondecode(made.service_config[0].environment_variables.PROPENSITY_SETTINGS)] : told.location == var.location && told.serving.region == "europe-west4"])])
    error_message = "Functions look for data and endpoint where these lie."
  }
}
