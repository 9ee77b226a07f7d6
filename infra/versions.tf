terraform {
  required_version = ">= 1.11"

  required_providers {
    google = { source = "hashicorp/google", version = "~> 8.7" }
  }

  # `terraform init -backend-config=bucket=...` names the bucket of the state. Each environment has its own prefix.
  backend "gcs" {}
}

# A request uses the quota of the project to which its resource belongs. A request without such a project, such as the
# list of projects, uses the quota of GOOGLE_BILLING_PROJECT. billing_project is not set here. If billing_project were
# var.project_id, and that project did not exist, Google would answer the check of preflight.tf with 403.
provider "google" {
  project               = var.project_id
  region                = local.region
  user_project_override = true
}
