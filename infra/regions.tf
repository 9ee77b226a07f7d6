# Two regions, which may differ: where the functions run, and where Vertex AI serves. Cloud Run, Cloud Build, Artifact
# Registry, Cloud Scheduler and secrets follow the functions; the endpoint follows BigQuery's models.

variable "region" {
  description = "Where the functions run and are built. null is the region nearest to location in which every project may build: us-central1 for US, europe-west1 for EU."
  type        = string
  default     = null

  validation {
    condition     = var.region == null || can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "region \"${coalesce(var.region, "null")}\" is no Google Cloud region, as us-central1 is one."
  }
}

variable "serving_region" {
  description = "Where Vertex AI serves. null is where BigQuery registers the models of location: us-central1 for US, europe-west4 for EU, location itself where it is a region. No other works."
  type        = string
  default     = null

  validation {
    condition     = var.serving_region == null || can(regex("^[a-z]+-[a-z]+[0-9]+$", var.serving_region))
    error_message = "serving_region \"${coalesce(var.serving_region, "null")}\" is no Google Cloud region, as us-central1 is one."
  }
}

locals {
  # The only regions in which Cloud Build takes builds of new projects: cloud.google.com/build/docs/locations.
  build_regions = ["us-central1", "us-west2", "europe-west1", "asia-east1", "australia-southeast1", "southamerica-east1"]
  nearest_build_region = {
    US           = "us-central1"
    EU           = "europe-west1"
    africa       = "europe-west1"
    asia         = "asia-east1"
    australia    = "australia-southeast1"
    europe       = "europe-west1"
    me           = "europe-west1"
    northamerica = "us-central1"
    southamerica = "southamerica-east1"
    us           = "us-central1"
  }
  # A location of no known kind is refused by its variable.
  region = coalesce(
    var.region,
    contains(local.build_regions, var.location) ? var.location : lookup(local.nearest_build_region, split("-", var.location)[0], "us-central1"),
  )

  # BigQuery registers what is trained in a multi-region with Vertex AI in one region of it.
  registry_regions = { US = "us-central1", EU = "europe-west4" }
  registry_region  = lookup(local.registry_regions, var.location, var.location)
  serving_region   = coalesce(var.serving_region, local.registry_region)
}
