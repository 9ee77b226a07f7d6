# The service accounts. No account has a key, and the project's default service account is not used.

locals {
  # The e-mail addresses are composed here. They are known before the accounts exist, so a plan can show who gets which
  # role.
  emails = merge(
    { for name, account in google_service_account.functions : name => "${account.account_id}@${var.project_id}.iam.gserviceaccount.com" },
    { build = "${google_service_account.build.account_id}@${var.project_id}.iam.gserviceaccount.com" },
  )
  members = { for name, email in local.emails : name => "serviceAccount:${email}" }
}

resource "google_service_account" "functions" {
  for_each = local.functions

  account_id   = replace(each.key, "_", "-")
  display_name = each.key
  description  = each.value.does

  depends_on = [google_project_service.apis]
}

# The accounts with which Pub/Sub calls the functions.
resource "google_service_account" "push" {
  for_each = { for name, function in local.functions : name => function if length(function.topics) > 0 }

  account_id   = "push-${replace(each.key, "_", "-")}"
  display_name = "Pub/Sub to ${each.key}"
  description  = "May only invoke ${each.key}."

  depends_on = [google_project_service.apis]
}

resource "google_service_account" "build" {
  account_id   = "propensity-build"
  display_name = "Build of the functions"
  description  = "Builds the functions' images from the source bundles."

  depends_on = [google_project_service.apis]
}
