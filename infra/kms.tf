# Lets BigQuery and Cloud Storage encrypt data with the key var.kms_key. Terraform does not create the key, since
# `terraform destroy` must not delete it.

data "google_bigquery_default_service_account" "agent" {
  count = var.kms_key == null ? 0 : 1
}

data "google_storage_project_service_account" "agent" {
  count = var.kms_key == null ? 0 : 1
}

resource "google_kms_crypto_key_iam_member" "data" {
  for_each = var.kms_key == null ? {} : {
    bigquery = data.google_bigquery_default_service_account.agent[0].member
    storage  = data.google_storage_project_service_account.agent[0].member
  }

  crypto_key_id = var.kms_key
  role          = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
  member        = each.value

  depends_on = [google_project_service.apis]
}
