# The bucket for runs. It contains the ledger, the revisions of models, audience files and the pointer to the champion.

resource "google_storage_bucket" "runs" {
  name                        = local.bucket
  location                    = var.location
  labels                      = local.labels
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  # The functions write the objects, so Terraform does not know the objects and can delete them only with the bucket.
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

  # For 14 days, you can restore objects that were replaced or deleted by mistake. Then the old versions are deleted, so that
  # erased data are really erased.
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
