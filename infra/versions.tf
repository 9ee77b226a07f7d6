terraform {
  required_version = ">= 1.11"

  required_providers {
    google = { source = "hashicorp/google", version = "~> 8.7" }
  }

  # `terraform init -backend-config=bucket=...` names the bucket of the state. Each environment has its own prefix.
  backend "gcs" {}
}

# A request counts against the quota of the project that it concerns. A request that concerns no project, such as the list
# of projects, counts against GOOGLE_BILLING_PROJECT. billing_project is not set here: it would be var.project_id, and if
# this project does not exist, Google would answer 403 to the check whether it exists.
provider "google" {
  project               = var.project_id
  region                = local.region
  user_project_override = true
}
