# The functions' region and Vertex AI's region, which may differ. Cloud Run, Cloud Build, Artifact Registry, Cloud Scheduler
# and secrets are in the functions' region. The endpoint is in the region in which BigQuery registers models.

variable "region" {
  description = "The region in which the functions are built and run. null means the region nearest to location in which every project may build: us-central1 for US, europe-west1 for EU."
  type        = string
  default     = null

  validation {
    condition     = var.region == null || can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "region \"${coalesce(var.region, "null")}\" is not a Google Cloud region such as us-central1."
  }
}

variable "serving_region" {
  description = "The region in which Vertex AI serves. null means the region in which BigQuery registers the models of location: us-central1 for US, europe-west4 for EU, otherwise location itself. No other region works."
  type        = string
  default     = null

  validation {
    condition     = var.serving_region == null || can(regex("^[a-z]+-[a-z]+[0-9]+$", var.serving_region))
    error_message = "serving_region \"${coalesce(var.serving_region, "null")}\" is not a Google Cloud region such as us-central1."
  }
}

locals {
  # The only regions in which new projects may use Cloud Build: cloud.google.com/build/docs/locations.
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
  # The validation of var.location refuses a location that has none of these prefixes.
  region = coalesce(
    var.region,
    contains(local.build_regions, var.location) ? var.location : lookup(local.nearest_build_region, split("-", var.location)[0], "us-central1"),
  )

  # If the data are in a multi-region, BigQuery registers models with Vertex AI in one region of the multi-region.
  registry_regions = { US = "us-central1", EU = "europe-west4" }
  registry_region  = lookup(local.registry_regions, var.location, var.location)
  serving_region   = coalesce(var.serving_region, local.registry_region)
}
