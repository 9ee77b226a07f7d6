# One secret for each name that a function declares. Terraform does not set the value, since Terraform's state would contain
# it. A person adds the value as a version (docs/deploy.md) before the first apply of a function that needs the secret.

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
