# What cannot work is refused at plan.

mock_provider "google" {
  source = "./tests/mocks"
}

variables {
  project_id = "shop-prod"
  export     = { dataset = "analytics_1" }
}

run "a_project_id_that_can_be_none_is_refused" {
  command = plan

  variables {
    project_id = "Shop"
  }

  expect_failures = [var.project_id]
}

run "a_project_that_does_not_exist_is_refused" {
  command = plan

  variables {
    project_id = "shop-prdo"
  }

  expect_failures = [data.google_projects.named]
}

run "a_project_that_is_being_deleted_is_refused" {
  command = plan

  override_data {
    target = data.google_projects.named
    values = {
      projects = [{
        project_id = "shop-prod", lifecycle_state = "DELETE_REQUESTED", name = "Shop", number = "1", create_time = "", labels = {}, parent = {}
      }]
    }
  }

  expect_failures = [data.google_projects.named]
}

run "an_export_that_is_not_there_is_refused" {
  command = plan

  variables {
    export = { dataset = "analytics_2" }
  }

  expect_failures = [data.google_bigquery_datasets.exports]
}

run "an_export_in_another_location_is_refused" {
  command = plan

  variables {
    location = "EU"
    region   = "europe-west4"
  }

  expect_failures = [data.google_bigquery_datasets.exports]
}

run "an_export_of_an_unknown_kind_is_refused" {
  command = plan

  variables {
    export = { dataset = "analytics_1", kind = "ga3" }
  }

  expect_failures = [var.export]
}

run "writing_into_the_export_is_refused" {
  command = plan

  variables {
    dataset = "analytics_1"
  }

  expect_failures = [var.export]
}

run "a_second_environment_in_a_project_is_refused" {
  command = plan

  override_data {
    target = data.google_storage_buckets.ours
    values = {
      buckets = [{ name = "shop-prod-propensity-staging", labels = { environment = "staging" }, location = "US", self_link = "", storage_class = "" }]
    }
  }

  expect_failures = [data.google_storage_buckets.ours]
}

run "a_bucket_of_another_environment_is_refused" {
  command = plan

  override_data {
    target = data.google_storage_buckets.ours
    values = {
      buckets = [{ name = "shop-prod-propensity-prod", labels = { environment = "staging" }, location = "US", self_link = "", storage_class = "" }]
    }
  }

  expect_failures = [data.google_storage_buckets.ours]
}

run "an_environments_own_bucket_is_no_obstacle" {
  command = plan

  override_data {
    target = data.google_storage_buckets.ours
    values = {
      buckets = [{ name = "shop-prod-propensity-prod", labels = { environment = "prod" }, location = "US", self_link = "", storage_class = "" }]
    }
  }

  assert {
    condition     = google_storage_bucket.runs.name == "shop-prod-propensity-prod"
    error_message = "The plan goes through."
  }
}

run "a_region_that_the_registry_does_not_use_is_refused" {
  command = plan

  variables {
    region = "us-east4"
  }

  expect_failures = [terraform_data.preflight]
}

run "a_region_without_boosted_trees_is_refused" {
  command = plan

  variables {
    location = "us-east5"
    region   = "us-east5"
  }

  override_data {
    target = data.google_bigquery_datasets.exports
    values = { datasets = [{ dataset_id = "analytics_1", location = "us-east5", friendly_name = "", labels = {} }] }
  }

  expect_failures = [terraform_data.preflight]
}

run "a_region_without_boosted_trees_will_do_for_the_other_candidates" {
  command = plan

  variables {
    location = "us-east5"
    region   = "us-east5"
    settings = { training = { candidates = ["baseline", "logistic"] } }
  }

  override_data {
    target = data.google_bigquery_datasets.exports
    values = { datasets = [{ dataset_id = "analytics_1", location = "us-east5", friendly_name = "", labels = {} }] }
  }

  assert {
    condition     = google_vertex_ai_endpoint.propensity.location == "us-east5"
    error_message = "The plan goes through."
  }
}

run "a_location_that_is_none_is_refused" {
  command = plan

  variables {
    location = "us"
  }

  expect_failures = [var.location]
}

run "settings_that_nobody_knows_are_refused" {
  command = plan

  variables {
    settings = { gates = {} }
  }

  expect_failures = [terraform_data.preflight]
}

run "a_misspelt_setting_within_a_section_is_refused" {
  command = plan

  variables {
    settings = { gate = { min_positive = 50 } }
  }

  expect_failures = [terraform_data.preflight]
}

run "a_key_in_another_place_than_the_data_is_refused" {
  command = plan

  variables {
    kms_key = "projects/shop-keys/locations/us-central1/keyRings/shop/cryptoKeys/propensity"
  }

  expect_failures = [var.kms_key]
}
