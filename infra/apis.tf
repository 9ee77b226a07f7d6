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
}
