# What would fail later, or worse, succeed: refused at plan, with what to do about it.

# The plural data sources answer with a list, where the singular ones answer 404 and no help.
data "google_projects" "named" {
  filter = "id:${var.project_id}"

  lifecycle {
    postcondition {
      condition     = contains([for project in self.projects : project.project_id if project.lifecycle_state == "ACTIVE"], var.project_id)
      error_message = "There is no active project \"${var.project_id}\" that you may see: `gcloud projects list` shows which there are, `gcloud auth application-default login` says who you are."
    }
  }
}

data "google_bigquery_datasets" "exports" {
  project = coalesce(var.export.project, var.project_id)

  # A wrong project is told first.
  depends_on = [data.google_projects.named]

  lifecycle {
    postcondition {
      condition     = contains(self.datasets[*].dataset_id, var.export.dataset)
      error_message = "Project ${self.project} has no dataset \"${var.export.dataset}\" that you may see. There is ${length(self.datasets) == 0 ? "none" : join(", ", self.datasets[*].dataset_id)}. GA4 makes analytics_PROPERTY once BigQuery is linked in its settings; then set export = {dataset = \"...\"}."
    }
    postcondition {
      condition     = alltrue([for one in self.datasets : upper(one.location) == upper(var.location) if one.dataset_id == var.export.dataset])
      error_message = "The export ${var.export.dataset} does not lie in ${var.location}, and BigQuery joins nothing across locations: set location to the export's, which is ${join("", [for one in self.datasets : one.location if one.dataset_id == var.export.dataset])}."
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
      error_message = "Project ${var.project_id} has bucket ${join(", ", setsubtract(self.buckets[*].name, [local.bucket]))} already, so another environment than \"${var.environment}\" lives there. Each has a project of its own, since topics, functions and datasets have the same names in all: set project_id to this one's, or environment to the one that is there."
    }
    postcondition {
      condition     = alltrue([for one in self.buckets : try(one.labels.environment, "") == var.environment if one.name == local.bucket])
      error_message = "Bucket ${local.bucket} is there, but not labelled environment=${var.environment}: something else made it or uses it. Give this environment another name, or remove or label the bucket (`gcloud storage buckets update gs://${local.bucket} --update-labels=environment=${var.environment}`)."
    }
  }
}

locals {
  # Where BigQuery trains boosted trees and Vertex AI's registry takes them: cloud.google.com/bigquery/docs/locations of 22
  # August 2026. Regions of which the copy at hand did not say both are left out, e.g. us-west1, us-east1, asia-south1.
  boosted_trees = [
    "US", "EU", "us-central1", "us-east4", "northamerica-northeast1", "europe-west1", "europe-west2", "europe-west3", "europe-west4",
    "europe-west6", "asia-east1", "asia-east2", "asia-northeast1", "asia-northeast3", "asia-southeast1", "australia-southeast1",
  ]
  # The chosen candidates that are boosted trees. A name without a file is refused with the settings.
  tree_candidates = [
    for name in try(tolist(module.settings.chosen.candidates), []) :
    name if try(strcontains(file("${local.root}/sql/models/${name}.sql"), "'BOOSTED_TREE_CLASSIFIER'"), false)
  ]
}

resource "terraform_data" "places" {
  lifecycle {
    precondition {
      condition     = local.serving_region == local.registry_region
      error_message = "serving_region ${local.serving_region} does not fit location ${var.location}: BigQuery registers the models of ${var.location} with Vertex AI in ${local.registry_region}, and an endpoint serves those of its own region only. Leave serving_region out, or set location = \"${local.serving_region}\" where the export lies there. region, where the functions run, is free."
    }
    precondition {
      condition     = contains(local.boosted_trees, var.location) || length(local.tree_candidates) == 0
      error_message = "BigQuery is not known to train boosted trees in ${var.location}. It does in ${join(", ", local.boosted_trees)}. Choose one of these, where the export must lie too, or leave ${join(", ", local.tree_candidates)} out of settings.training.candidates."
    }
  }
}

resource "terraform_data" "settings" {
  lifecycle {
    precondition {
      condition     = length(module.settings.refusals) == 0
      error_message = "settings, with which no function would start. ${join(" ", module.settings.refusals)}"
    }
  }
}
