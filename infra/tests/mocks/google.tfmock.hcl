# Answers of Google Cloud that a plan needs: the project of the tests, its export in location US, and no bucket.

mock_data "google_projects" {
  defaults = {
    projects = [{
      project_id = "shop-prod", lifecycle_state = "ACTIVE", name = "Shop", number = "123456789", create_time = "", labels = {}, parent = {}
    }]
  }
}

mock_data "google_bigquery_datasets" {
  defaults = { datasets = [{ dataset_id = "analytics_1", location = "US", friendly_name = "", labels = {} }] }
}

mock_data "google_storage_buckets" {
  defaults = { buckets = [] }
}
