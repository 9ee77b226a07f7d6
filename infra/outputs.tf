# What a person needs next.

output "bucket" {
  description = "The bucket of runs, revisions and audience files."
  value       = google_storage_bucket.runs.name
}

output "bundles" {
  description = "Each function and the bundle that it is built from, one a line; Cloud Build keeps them, to return to."
  value       = join("", [for name, object in local.built_from : "${name} gs://${google_storage_bucket.source.name}/${google_storage_bucket_object.bundles[object].name}\n"])
}

output "dataset" {
  description = "The dataset of tables, views and models."
  value       = "${var.project_id}.${google_bigquery_dataset.propensity.dataset_id}"
}

output "env" {
  description = "What a shell needs for the `propensity` command: `eval \"$(terraform output -raw env)\"`."
  value       = "export GOOGLE_CLOUD_PROJECT=${var.project_id}\nexport PROPENSITY_SETTINGS='${replace(jsonencode(local.settings), "'", "'\\''")}'\n"
}

output "start" {
  description = "How to start the first run by hand; later ones start when the export is refreshed."
  value       = "gcloud pubsub topics publish data-refreshed --project=${var.project_id} --message='{}'"
}

output "dead_letters" {
  description = "How to see what no function could use, with the reasons."
  value       = "gcloud storage ls 'gs://${google_storage_bucket.runs.name}/dead-letters/**'"
}

output "add_secrets" {
  description = "How to give each secret its value, by its name; the functions that need it start with it only."
  value = {
    for name, secret in google_secret_manager_secret.secrets :
    name => "openssl rand -hex 32 | tr -d '\\n' | gcloud secrets versions add ${secret.secret_id} --project=${var.project_id} --data-file=-"
  }
}

output "score_checkout" {
  description = "Where functions that answer HTTP do so, for those who may invoke them; infra/gateway puts a gateway before it."
  value       = { for name, function in local.functions : name => google_cloudfunctions2_function.functions[name].service_config[0].uri if can(function.http) }
}

output "console" {
  description = "Where to look."
  value = {
    dashboard = "https://console.cloud.google.com/monitoring/dashboards?project=${var.project_id}"
    alerts    = "https://console.cloud.google.com/monitoring/alerting?project=${var.project_id}"
    errors    = "https://console.cloud.google.com/errors?project=${var.project_id}"
    logs      = "https://console.cloud.google.com/logs/query;query=${urlencode("resource.type=\"cloud_run_revision\"\nlogName:\"run.googleapis.com%2Fstdout\"")}?project=${var.project_id}"
    dataset   = "https://console.cloud.google.com/bigquery?project=${var.project_id}&ws=!1m4!1m3!3m2!1s${var.project_id}!2s${var.dataset}"
    endpoint  = "https://console.cloud.google.com/vertex-ai/online-prediction/locations/${local.serving_region}/endpoints/${module.settings.chosen.endpoint_id}?project=${var.project_id}"
  }
}
