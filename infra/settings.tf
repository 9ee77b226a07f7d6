# The settings that the functions read as PROPENSITY_SETTINGS: var.settings, and the names of resources that Terraform
# creates.

locals {
  bucket = "${var.project_id}-propensity-${var.environment}"
  labels = { app = "propensity", environment = var.environment }

  # The module `settings` refuses a value of var.settings that is not an object.
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

  # The location in which the KMS key must be, if the data are in var.location.
  kms_location = lookup({ US = "us", EU = "europe" }, var.location, var.location)
}

module "settings" {
  source = "./settings"

  given = var.settings
  kind  = var.export.kind
}
