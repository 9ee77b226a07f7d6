output "url" {
  description = "Where the shop asks for a score."
  value       = "https://${google_api_gateway_gateway.scorer.default_hostname}/"
}

output "make_a_key" {
  description = "How a shop gets its API key, which is not made here: Terraform's state would hold it."
  value       = "gcloud services api-keys create --project=${var.project_id} --display-name=SHOP --api-target=service=${google_api_gateway_api.scorer.managed_service}"
}

output "ask" {
  description = "How to see that it works."
  value       = "curl -H 'x-api-key: KEY' -H 'Content-Type: application/json' https://${google_api_gateway_gateway.scorer.default_hostname}/ -d '{\"visitor_id\": \"GA1.2.1\", \"cart\": [], \"session\": {\"features\": {\"pageviews\": 9}}}'"
}

output "config" {
  description = "Which configuration serves."
  value       = google_api_gateway_api_config.scorer.api_config_id
}
