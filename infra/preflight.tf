# Checks during the plan for mistakes that would fail later, or succeed with wrong results. Each error names the remedy.

# These data sources return lists. If the project or dataset does not exist, a data source of a single one would fail
# with 404 before the check runs.
data "google_projects" "named" {
  filter = "id:${var.project_id}"

  lifecycle {
    postcondition {
      condition     = contains([for project in self.projects : project.project_id if project.lifecycle_state == "ACTIVE"], var.project_id)
      error_message = "There is no active project \"${var.project_id}\" that you may see: `gcloud projects list` shows your projects, and `gcloud auth application-default login` changes your account."
    }
  }
}

data "google_bigquery_datasets" "exports" {
  project = coalesce(var.export.project, var.project_id)

  # If the project does not exist, the error must be about the project, not about the dataset.
  depends_on = [data.google_projects.named]

  lifecycle {
    postcondition {
      condition     = contains(self.datasets[*].dataset_id, var.export.dataset)
      error_message = "Project ${self.project} has no dataset \"${var.export.dataset}\" that you may see. Its datasets: ${length(self.datasets) == 0 ? "none" : join(", ", self.datasets[*].dataset_id)}. GA4 makes the dataset analytics_PROPERTY after you link BigQuery in GA4's settings; then set export = {dataset = \"...\"}."
    }
    postcondition {
      condition     = alltrue([for one in self.datasets : upper(one.location) == upper(var.location) if one.dataset_id == var.export.dataset])
      error_message = "The export ${var.export.dataset} is not in ${var.location}, and BigQuery cannot join tables of different locations: set location to the export's location, ${join("", [for one in self.datasets : one.location if one.dataset_id == var.export.dataset])}."
    }
  }
}

data "google_storage_buckets" "ours" {
  project = var.project_id
  prefix  = "${var.project_id}-propensity-"

  depends_on = [data.google_projects.named]

  lifecycle {
    postcondition {
      condition     = length(setsubtract(self.buckets[*].name, [local.bucket])) == 0
      error_message = "Project ${var.project_id} has bucket ${join(", ", setsubtract(self.buckets[*].name, [local.bucket]))} already, so it belongs to another environment than \"${var.environment}\". Each environment needs its own project, since topics, functions and datasets have the same names in all environments: set project_id to this environment's project, or environment to the existing environment."
    }
    postcondition {
      condition     = alltrue([for one in self.buckets : try(one.labels.environment, "") == var.environment if one.name == local.bucket])
      error_message = "Bucket ${local.bucket} exists without the label environment=${var.environment}: something else made or uses the bucket. Give this environment another name, or delete or label the bucket (`gcloud storage buckets update gs://${local.bucket} --update-labels=environment=${var.environment}`)."
    }
  }
}

locals {
  # The locations in which BigQuery trains boosted trees and registers them with Vertex AI, from
  # cloud.google.com/bigquery/docs/locations of 22 August 2026. The list omits locations for which our copy of this page
  # did not confirm both the training and the registration, e.g. us-west1, us-east1, asia-south1.
  boosted_trees = [
    "US", "EU", "us-central1", "us-east4", "northamerica-northeast1", "europe-west1", "europe-west2", "europe-west3", "europe-west4",
    "europe-west6", "asia-east1", "asia-east2", "asia-northeast1", "asia-northeast3", "asia-southeast1", "australia-southeast1",
  ]
  # The chosen candidates that are boosted trees. The check of the settings refuses names without a file.
  tree_candidates = [
    for name in try(tolist(module.settings.chosen.candidates), []) :
    name if try(strcontains(file("${local.root}/sql/models/${name}.sql"), "'BOOSTED_TREE_CLASSIFIER'"), false)
  ]
}

resource "terraform_data" "places" {
  lifecycle {
    precondition {
      condition     = local.serving_region == local.registry_region
      error_message = "serving_region ${local.serving_region} does not fit location ${var.location}: BigQuery registers the models of ${var.location} with Vertex AI in ${local.registry_region}, and an endpoint serves only models of its own region. Leave serving_region out. Or set location = \"${local.serving_region}\" if the export is there. region, in which the functions run, can be any region."
    }
    precondition {
      condition     = contains(local.boosted_trees, var.location) || length(local.tree_candidates) == 0
      error_message = "We do not know whether BigQuery trains boosted trees in ${var.location}. It does in ${join(", ", local.boosted_trees)}. Choose one of these locations, in which the export must be too, or leave ${join(", ", local.tree_candidates)} out of settings.training.candidates."
    }
  }
}

resource "terraform_data" "settings" {
  lifecycle {
    precondition {
      condition     = length(module.settings.refusals) == 0
      error_message = "With these settings, no function would start. ${join(" ", module.settings.refusals)}"
    }
  }
}
