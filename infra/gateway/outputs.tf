output "url" {
  description = "The URL from which the shop requests scores."
  value       = "https://${google_api_gateway_gateway.scorer.default_hostname}/"
}

output "make_a_key" {
  description = "The command that makes an API key for a shop. Terraform does not make the key, since Terraform's state would contain it."
  value       = "gcloud services api-keys create --project=${var.project_id} --display-name=SHOP --api-target=service=${google_api_gateway_api.scorer.managed_service}"
}

output "ask" {
  description = "A request that tests the gateway; replace KEY by an API key."
  value       = "curl -H 'x-api-key: KEY' -H 'Content-Type: application/json' https://${google_api_gateway_gateway.scorer.default_hostname}/ -d '{\"visitor_id\": \"GA1.2.1\", \"cart\": [], \"session\": {\"features\": {\"pageviews\": 9}}}'"
}

output "config" {
  description = "The id of the gateway's current configuration."
  value       = google_api_gateway_api_config.scorer.api_config_id
}
