# What the functions read as PROPENSITY_SETTINGS: what was made here, and what the environment wants otherwise.

locals {
  bucket = "${var.project_id}-propensity-${var.environment}"
  labels = { app = "propensity", environment = var.environment }

  # What is no object has been refused.
  settings = try(merge(var.settings, local.decided), local.decided)
  decided = {
    bucket   = local.bucket
    location = var.location
    dataset  = var.dataset
    source = merge(try(var.settings.source, {}), {
      for name, value in var.export : name => value if value != null
    })
    serving = merge(try(var.settings.serving, {}), { region = local.serving_region })
  }

  # Where the key of data in `location` must lie.
  kms_location = lookup({ US = "us", EU = "europe" }, var.location, var.location)
}

module "settings" {
  source = "./settings"

  given = var.settings
  kind  = var.export.kind
}
