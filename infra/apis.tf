# The services that everything here is made of.

resource "google_project_service" "apis" {
  for_each = toset([
    "aiplatform",
    "apigateway",
    "apikeys",
    "artifactregistry",
    "bigquery",
    "billingbudgets",
    "cloudbuild",
    "cloudfunctions",
    "cloudkms",
    "cloudresourcemanager",
    "cloudscheduler",
    "iam",
    "iamcredentials",
    "logging",
    "monitoring",
    "pubsub",
    "run",
    "secretmanager",
    "servicecontrol",
    "servicemanagement",
    "serviceusage",
    "storage",
  ])

  service = "${each.key}.googleapis.com"
  # Others in the project may use it too.
  disable_on_destroy = false

  # Everything else waits for these, so nothing is made, by whichever target, before all that is refused has been looked at.
  depends_on = [terraform_data.places, terraform_data.settings, data.google_bigquery_datasets.exports, data.google_storage_buckets.ours]
}
