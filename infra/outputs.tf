# The outputs that a person needs after an apply.

output "bucket" {
  description = "The bucket with runs, revisions and audience files."
  value       = google_storage_bucket.runs.name
}

output "bundles" {
  description = "One line per function: its name and the bundle from which it is built. Cloud Build stores these lines for a rollback."
  value       = join("", [for name, object in local.built_from : "${name} gs://${google_storage_bucket.source.name}/${google_storage_bucket_object.bundles[object].name}\n"])
}

output "dataset" {
  description = "The dataset with tables, views and models."
  value       = "${var.project_id}.${google_bigquery_dataset.propensity.dataset_id}"
}

output "env" {
  description = "The environment variables for the command `propensity`: `eval \"$(terraform output -raw env)\"`."
  value       = "export GOOGLE_CLOUD_PROJECT=${var.project_id}\nexport PROPENSITY_SETTINGS='${replace(jsonencode(local.settings), "'", "'\\''")}'\n"
}

output "start" {
  description = "The command that starts the first run; later runs start when the export is refreshed."
  value       = "gcloud pubsub topics publish data-refreshed --project=${var.project_id} --message='{}'"
}

output "dead_letters" {
  description = "The command that lists the messages that no function could use, with the reasons."
  value       = "gcloud storage ls 'gs://${google_storage_bucket.runs.name}/dead-letters/**'"
}

output "add_secrets" {
  description = "For each secret, the command that sets its value: a random key for the pseudonyms, otherwise a value that the command asks for. A function that needs a secret does not start without the value."
  value = {
    for name, secret in google_secret_manager_secret.secrets :
    name => "${name == "PROPENSITY_PSEUDONYM_KEY" ? "openssl rand -hex 32 | tr -d '\\n'" : "read -rs VALUE && printf %s \"$VALUE\""} | gcloud secrets versions add ${secret.secret_id} --project=${var.project_id} --data-file=-"
  }
}

output "score_checkout" {
  description = "The URLs of the functions that answer HTTP requests of callers with roles/run.invoker. infra/gateway makes a gateway for other callers."
  value       = { for name, function in local.functions : name => google_cloudfunctions2_function.functions[name].service_config[0].uri if can(function.http) }
}

output "console" {
  description = "Pages of Google Cloud's console."
  value = {
    dashboard = "https://console.cloud.google.com/monitoring/dashboards?project=${var.project_id}"
    alerts    = "https://console.cloud.google.com/monitoring/alerting?project=${var.project_id}"
    errors    = "https://console.cloud.google.com/errors?project=${var.project_id}"
    logs      = "https://console.cloud.google.com/logs/query;query=${urlencode("resource.type=\"cloud_run_revision\"\nlogName:\"run.googleapis.com%2Fstdout\"")}?project=${var.project_id}"
    dataset   = "https://console.cloud.google.com/bigquery?project=${var.project_id}&ws=!1m4!1m3!3m2!1s${var.project_id}!2s${var.dataset}"
    endpoint  = "https://console.cloud.google.com/vertex-ai/online-prediction/locations/${local.serving_region}/endpoints/${module.settings.chosen.endpoint_id}?project=${var.project_id}"
  }
}
