terraform {
  required_version = ">= 1.11"

  required_providers {
    google = { source = "hashicorp/google", version = "~> 8.7" }
  }

  # Which bucket holds the state is said at `terraform init -backend-config=bucket=...`: each environment has its own prefix.
  backend "gcs" {}
}

# A request counts for the project that it is about. What is about none, as a budget or the question which projects there
# are, counts for GOOGLE_BILLING_PROJECT: named here it would be var.project_id, and if there is no such project Google
# answers 403 to the very question whether there is.
provider "google" {
  project               = var.project_id
  region                = local.region
  user_project_override = true
}
