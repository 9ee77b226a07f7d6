# A root of its own, applied after infra/: API Gateway is in the beta provider alone, and the chain runs without it.

terraform {
  required_version = ">= 1.11"

  required_providers {
    google      = { source = "hashicorp/google", version = "~> 8.7" }
    google-beta = { source = "hashicorp/google-beta", version = "~> 8.7" }
  }

  # In the bucket of infra/, under another prefix.
  backend "gcs" {}
}

provider "google" {
  project               = var.project_id
  region                = var.region
  user_project_override = true
}

provider "google-beta" {
  project               = var.project_id
  region                = var.region
  user_project_override = true
}
