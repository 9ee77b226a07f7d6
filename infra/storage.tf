# The bucket of runs: ledger, models' revisions, audience files, the champion's pointer.

resource "google_storage_bucket" "runs" {
  name                        = local.bucket
  location                    = var.location
  labels                      = local.labels
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  # The functions fill it, so Terraform cannot remove what is in it one by one.
  force_destroy = !var.protect_data

  versioning {
    enabled = true
  }

  dynamic "lifecycle_rule" {
    for_each = { for rule in local.declared.lifecycle : rule.prefix => rule.days }
    content {
      action {
        type = "Delete"
      }
      condition {
        age            = lifecycle_rule.value
        matches_prefix = [lifecycle_rule.key]
      }
    }
  }

  # What was replaced or removed by mistake can be had back for so long, what was erased on purpose is gone after it.
  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      days_since_noncurrent_time = 14
    }
  }

  dynamic "encryption" {
    for_each = var.kms_key[*]
    content {
      default_kms_key_name = encryption.value
    }
  }

  depends_on = [google_project_service.apis, google_kms_crypto_key_iam_member.data]
}
