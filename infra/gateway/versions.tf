# This root module is applied after infra/. It is separate from infra/ because API Gateway needs the beta provider, and
# because the chain runs without a gateway.

terraform {
  required_version = ">= 1.11"

  required_providers {
    google      = { source = "hashicorp/google", version = "~> 8.7" }
    google-beta = { source = "hashicorp/google-beta", version = "~> 8.7" }
  }

  # The state is in the same bucket as the state of infra/, under another prefix.
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
