# An entry for each secret that a function declares. Its value never passes through Terraform, whose state would keep it:
# a person adds it as a version (docs/deploy.md), before the first function that needs it is made.

resource "google_secret_manager_secret" "secrets" {
  for_each = toset(flatten([for function in values(local.functions) : try(function.secrets, [])]))

  secret_id           = each.key
  labels              = local.labels
  deletion_protection = var.protect_data

  replication {
    user_managed {
      replicas {
        location = local.region
      }
    }
  }

  depends_on = [google_project_service.apis]
}
