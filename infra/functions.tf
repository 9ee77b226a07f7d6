# The functions. All of them answer HTTP requests: the push subscriptions of pubsub.tf send the events, and
# shared/push.py decodes them. Eventarc's subscriptions are not used, since they have no dead letters.

resource "google_cloudfunctions2_function" "functions" {
  for_each = local.functions

  name        = replace(each.key, "_", "-")
  location    = local.region
  description = each.value.does
  labels      = local.labels

  build_config {
    runtime           = "python313"
    entry_point       = each.key
    docker_repository = google_artifact_registry_repository.functions.id
    service_account   = "projects/${var.project_id}/serviceAccounts/${local.emails.build}"

    source {
      storage_source {
        bucket = google_storage_bucket.source.name
        object = google_storage_bucket_object.bundles[local.built_from[each.key]].name
      }
    }
  }

  service_config {
    service_account_email            = local.emails[each.key]
    available_memory                 = each.value.memory
    available_cpu                    = try(tostring(each.value.cpu), null)
    timeout_seconds                  = each.value.timeout_seconds
    min_instance_count               = try(each.value.min_instances, 0)
    max_instance_count               = lookup(var.max_instances, each.key, each.value.max_instances)
    max_instance_request_concurrency = local.concurrency[each.key]
    all_traffic_on_latest_revision   = true
    # A push from Pub/Sub in the same project counts as internal traffic.
    ingress_settings = { all = "ALLOW_ALL", internal = "ALLOW_INTERNAL_ONLY" }[try(each.value.http.ingress, "internal")]

    environment_variables = {
      GOOGLE_CLOUD_PROJECT = var.project_id
      PROPENSITY_SETTINGS  = jsonencode(local.settings)
      # functions-framework answers as many concurrent requests as Cloud Run sends to an instance.
      THREADS = tostring(local.concurrency[each.key])
    }

    dynamic "secret_environment_variables" {
      for_each = try(each.value.secrets, [])
      iterator = secret
      content {
        key        = secret.value
        project_id = var.project_id
        secret     = google_secret_manager_secret.secrets[secret.value].secret_id
        version    = "latest"
      }
    }
  }

  lifecycle {
    precondition {
      condition     = length(each.value.topics) > 0 || can(each.value.http)
      error_message = "Function ${each.key} has no trigger, so nothing would call the function: set topics or http in functions/functions.yaml."
    }
  }

  depends_on = [
    google_artifact_registry_repository_iam_member.build,
    google_project_iam_member.build_logs,
    google_project_iam_member.build_source,
    google_secret_manager_secret_iam_member.functions,
  ]
}

locals {
  # The functions that answer several requests at once; var.max_instances can set their number of instances.
  scalable    = { for name, function in local.functions : name => function if try(function.concurrency, 1) > 1 }
  concurrency = { for name, function in local.functions : name => try(function.concurrency, 1) }
}
