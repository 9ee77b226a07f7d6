terraform {
  required_version = ">= 1.11"

  required_providers {
    google = { source = "hashicorp/google", version = "~> 8.7" }
  }

  # Which bucket holds the state is said at `terraform init -backend-config=bucket=...`: each environment has its own prefix.
  backend "gcs" {}
}

provider "google" {
  project               = var.project_id
  region                = var.region
  billing_project       = var.project_id
  user_project_override = true
}
