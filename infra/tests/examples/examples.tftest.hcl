# scripts/check-infra runs this test with each example of environments/: it can be planned, as docs/deploy.md describes.

mock_provider "google" {
  mock_data "google_projects" {
    defaults = {
      projects = [for name in ["my-shop-prod", "my-shop-staging"] : {
        project_id = name, lifecycle_state = "ACTIVE", name = "Shop", number = "123456789", create_time = "", labels = {}, parent = {}
      }]
    }
  }

  mock_data "google_bigquery_datasets" {
    defaults = { datasets = [{ dataset_id = "analytics_123456789", location = "EU", friendly_name = "", labels = {} }] }
  }

  mock_data "google_storage_buckets" {
    defaults = { buckets = [] }
  }
}

run "the_example_can_be_planned" {
  command = plan

  assert {
    condition     = toset(values(google_cloudfunctions2_function.functions)[*].location) == toset(["europe-west1"]) && google_vertex_ai_endpoint.propensity.location == "europe-west4"
    error_message = "It says where its export lies, and the regions follow."
  }
}
