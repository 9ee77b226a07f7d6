# The sources that functions are built from, and where their images go.

variable "bundles" {
  description = "The folder of the source bundles that `propensity package` writes; the path is relative to where Terraform runs."
  type        = string
  default     = "../dist"

  validation {
    condition     = alltrue([for name in local.requirements : fileexists("${var.bundles}/${name}.zip")])
    error_message = "Folder \"${var.bundles}\" lacks ${join(", ", [for name in local.requirements : "${name}.zip" if !fileexists("${var.bundles}/${name}.zip")])}: run `propensity package` first, at the root of the checkout."
  }
}

locals {
  # Each has a bundle of its name.
  requirements = toset([for function in values(local.functions) : function.requirements])
}

resource "google_storage_bucket" "source" {
  name                        = "${var.project_id}-functions-${var.environment}"
  location                    = var.location
  labels                      = local.labels
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  # `propensity package` makes the same bundles again from the same checkout.
  force_destroy = true

  depends_on = [google_project_service.apis]
}

resource "google_storage_bucket_object" "bundles" {
  for_each = local.requirements

  bucket = google_storage_bucket.source.name
  # Named for its content: the same content deploys nothing.
  name   = "${each.key}-${filesha256("${var.bundles}/${each.key}.zip")}.zip"
  source = "${var.bundles}/${each.key}.zip"
}

resource "google_artifact_registry_repository" "functions" {
  repository_id = "propensity-functions"
  location      = local.region
  format        = "DOCKER"
  description   = "The functions' images."
  labels        = local.labels

  cleanup_policies {
    id     = "keep-newest"
    action = "KEEP"
    most_recent_versions {
      keep_count = 5
    }
  }

  cleanup_policies {
    id     = "delete-older"
    action = "DELETE"
    condition {
      older_than = "30d"
    }
  }

  depends_on = [google_project_service.apis]
}

resource "google_artifact_registry_repository_iam_member" "build" {
  repository = google_artifact_registry_repository.functions.name
  location   = google_artifact_registry_repository.functions.location
  role       = "roles/artifactregistry.writer"
  member     = local.members.build
}

resource "google_project_iam_member" "build_logs" {
  project = var.project_id
  role    = "roles/logging.logWriter"
  member  = local.members.build
}

# Cloud Functions copies the source to a bucket that it makes itself, so the build can be let into it by its name alone.
resource "google_project_iam_member" "build_source" {
  project = var.project_id
  role    = "roles/storage.objectViewer"
  member  = local.members.build

  condition {
    title      = "The functions' source"
    expression = "resource.name.startsWith(\"projects/_/buckets/gcf-v2-sources-\")"
  }
}
