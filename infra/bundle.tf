# The source bundles of the functions, and the repository of the functions' images.

variable "bundles" {
  description = "The folder of the source bundles that `propensity package` writes; the path is relative to the folder in which Terraform runs."
  type        = string
  default     = "../dist"

  validation {
    condition     = alltrue([for name in local.requirements : fileexists("${var.bundles}/${name}.zip")])
    error_message = "Folder \"${var.bundles}\" does not contain ${join(", ", [for name in local.requirements : "${name}.zip" if !fileexists("${var.bundles}/${name}.zip")])}: run `propensity package` first, at the root of the checkout."
  }
}

variable "former" {
  description = "For a rollback: for each function, the older object to build it from, `bundles`/former/OBJECT. Cloud Build sets this variable for all functions."
  type        = map(string)
  default     = {}
}

locals {
  # Each requirements file has a bundle. The object's name contains a hash of the content, so unchanged content is not
  # deployed again.
  requirements = toset([for function in values(local.functions) : function.requirements])
  current      = { for name in local.requirements : name => "${name}-${try(filesha256("${var.bundles}/${name}.zip"), "missing")}.zip" }

  # `built_from` maps each function to the bucket's object from which it is built. `files` maps each object to the file
  # that is uploaded, a path below var.bundles.
  built_from = { for name, function in local.functions : name => lookup(var.former, name, local.current[function.requirements]) }
  files = merge(
    { for object in toset(values(var.former)) : object => "former/${object}" },
    { for name, object in local.current : object => "${name}.zip" },
  )
}

resource "google_storage_bucket" "source" {
  name                        = "${var.project_id}-functions-${var.environment}"
  location                    = var.location
  labels                      = local.labels
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  # The bundles need no protection: `propensity package` makes the same bundles again from the same checkout.
  force_destroy = true

  depends_on = [google_project_service.apis]
}

resource "google_storage_bucket_object" "bundles" {
  for_each = toset(values(local.built_from))

  bucket = google_storage_bucket.source.name
  name   = each.key
  source = "${var.bundles}/${local.files[each.key]}"
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

# Cloud Functions creates a bucket for the source. The condition checks only the known beginning of the bucket's name.
resource "google_project_iam_member" "build_source" {
  project = var.project_id
  role    = "roles/storage.objectViewer"
  member  = local.members.build

  condition {
    title      = "The functions' source"
    expression = "resource.name.startsWith(\"projects/_/buckets/gcf-v2-sources-\")"
  }
}
