# The Google Cloud APIs that the resources in this folder need.

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
    "datamanager",
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
  # A destroy must not disable the API, because other software in the project may use it.
  disable_on_destroy = false

  # All other resources depend on the APIs, and the APIs on the checks of preflight.tf. So even with -target, the checks
  # come first.
  depends_on = [terraform_data.places, terraform_data.settings, data.google_bigquery_datasets.exports, data.google_storage_buckets.ours]
}
