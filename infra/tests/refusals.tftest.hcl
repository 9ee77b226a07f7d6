# A plan refuses a configuration that cannot work. A plan takes seconds, so each run has several wrong values, at most one
# per variable. It plans few resources, because all resources depend on the APIs, and the APIs on the checks.

mock_provider "google" {
  source = "./tests/mocks"
}

run "values_that_can_be_none_are_refused" {
  command = plan

  variables {
    project_id     = "Shop"
    environment    = "PROD"
    region         = "us"
    serving_region = "europe"
    location       = "us"
    dataset        = "my-dataset"
    alerts         = { email = "shop" }
    budget         = { billing_account = "my-account", amount = 200 }
    publishers     = { "checkout-started" = ["shop@my-shop.iam.gserviceaccount.com"] }
    # build_features must have one instance, because two runs may replace the same partitions.
    max_instances = { build_features = 2 }
  }

  expect_failures = [var.project_id, var.environment, var.region, var.serving_region, var.location, var.dataset, var.alerts, var.budget, var.publishers, var.max_instances]
}

run "an_unknown_export_a_key_that_is_none_publishing_by_everybody_a_budget_of_nothing_and_answers_in_no_time_by_half_an_instance_are_refused" {
  command = plan

  variables {
    export     = { dataset = "analytics_1", kind = "ga3" }
    kms_key    = "propensity"
    publishers = { "checkout-started" = ["allUsers"] }
    budget     = { billing_account = "012345-6789AB-CDEF01", amount = 0 }
    alerts     = { latency_ms = 0 }
    # Half an instance.
    max_instances = { score_checkout = 0.5 }
  }

  expect_failures = [var.export, var.kms_key, var.publishers, var.budget, var.alerts, var.max_instances]
}

run "an_export_by_a_name_that_holds_its_project_and_publishing_where_nobody_listens_are_refused" {
  command = plan

  plan_options {
    target = [google_pubsub_topic_iam_member.outside]
  }

  variables {
    export     = { dataset = "shop-analytics.analytics_1" }
    publishers = { "audience-published" = ["serviceAccount:shop@my-shop.iam.gserviceaccount.com"] }
  }

  expect_failures = [var.export, var.publishers]
}

run "an_export_in_a_project_by_its_title_and_publishing_what_functions_alone_say_are_refused" {
  command = plan

  plan_options {
    target = [google_pubsub_topic_iam_member.outside]
  }

  variables {
    export     = { dataset = "analytics_1", project = "Shop Analytics" }
    publishers = { "model-approved" = ["serviceAccount:shop@my-shop.iam.gserviceaccount.com"] }
  }

  expect_failures = [var.export, var.publishers]
}

run "writing_into_the_export_a_key_in_another_place_than_the_data_and_publishing_by_a_whole_pool_are_refused" {
  command = plan

  plan_options {
    target = [google_pubsub_topic_iam_member.outside, google_kms_crypto_key_iam_member.data]
  }

  variables {
    dataset    = "analytics_1"
    kms_key    = "projects/shop-keys/locations/us-central1/keyRings/shop/cryptoKeys/propensity"
    publishers = { "data-refreshed" = ["principalSet://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/shop/*"] }
  }

  expect_failures = [var.export, var.kms_key, var.publishers]
}

run "writing_into_the_export_of_ones_own_project_by_its_name_is_refused" {
  command = plan

  plan_options {
    target = [google_project_service.apis]
  }

  variables {
    dataset = "analytics_1"
    export  = { dataset = "analytics_1", project = "shop-prod" }
  }

  expect_failures = [var.export]
}

run "a_project_that_does_not_exist_is_refused" {
  command = plan

  plan_options {
    target = [google_project_service.apis]
  }

  variables {
    project_id = "shop-prdo"
  }

  expect_failures = [data.google_projects.named]
}

run "a_project_that_is_being_deleted_is_refused" {
  command = plan

  plan_options {
    target = [google_project_service.apis]
  }

  override_data {
    target = data.google_projects.named
    values = { projects = [{ project_id = "shop-prod", lifecycle_state = "DELETE_REQUESTED", name = "Shop", number = "1", create_time = "", labels = {}, parent = {} }] }
  }

  expect_failures = [data.google_projects.named]
}

run "a_missing_export_a_second_environment_and_serving_where_the_registry_is_not_are_refused" {
  command = plan

  plan_options {
    target = [google_project_service.apis]
  }

  variables {
    export         = { dataset = "analytics_2" }
    serving_region = "us-east4"
  }

  override_data {
    target = data.google_storage_buckets.ours
    values = { buckets = [{ name = "shop-prod-propensity-staging", labels = { environment = "staging" }, location = "US", self_link = "", storage_class = "" }] }
  }

  expect_failures = [data.google_bigquery_datasets.exports, data.google_storage_buckets.ours, terraform_data.places]
}

run "an_export_elsewhere_and_a_bucket_of_another_environment_are_refused" {
  command = plan

  plan_options {
    target = [google_project_service.apis]
  }

  variables {
    location = "EU"
  }

  override_data {
    target = data.google_storage_buckets.ours
    values = { buckets = [{ name = "shop-prod-propensity-prod", labels = { environment = "staging" }, location = "US", self_link = "", storage_class = "" }] }
  }

  expect_failures = [data.google_bigquery_datasets.exports, data.google_storage_buckets.ours]
}

run "a_misspelt_setting_is_refused_before_the_guides_first_step" {
  command = plan

  # As docs/deploy.md says, the secrets are created first.
  plan_options {
    target = [google_secret_manager_secret.secrets]
  }

  variables {
    settings = { gate = { min_positive = 50 } }
  }

  expect_failures = [terraform_data.settings]
}

run "a_region_without_boosted_trees_is_refused" {
  command = plan

  plan_options {
    target = [google_project_service.apis]
  }

  variables {
    location = "us-west1"
  }

  override_data {
    target = data.google_bigquery_datasets.exports
    values = { datasets = [{ dataset_id = "analytics_1", location = "us-west1", friendly_name = "", labels = {} }] }
  }

  expect_failures = [terraform_data.places]
}

run "a_region_without_boosted_trees_will_do_for_the_other_candidates_and_ones_own_bucket_is_no_obstacle" {
  command = plan

  plan_options {
    target = [terraform_data.places, google_storage_bucket.runs, google_vertex_ai_endpoint.propensity, google_cloud_scheduler_job.schedules]
  }

  variables {
    location = "us-west1"
    settings = { training = { candidates = ["baseline", "logistic"] } }
  }

  override_data {
    target = data.google_bigquery_datasets.exports
    values = { datasets = [{ dataset_id = "analytics_1", location = "us-west1", friendly_name = "", labels = {} }] }
  }

  override_data {
    target = data.google_storage_buckets.ours
    values = { buckets = [{ name = "shop-prod-propensity-prod", labels = { environment = "prod" }, location = "us-west1", self_link = "", storage_class = "" }] }
  }

  assert {
    condition     = google_storage_bucket.runs.name == "shop-prod-propensity-prod" && google_vertex_ai_endpoint.propensity.location == "us-west1"
    error_message = "The plan goes through."
  }

  assert {
    condition     = toset(values(google_cloud_scheduler_job.schedules)[*].region) == toset(["us-central1"])
    error_message = "What runs does so in the nearest region in which every project may build."
  }
}
