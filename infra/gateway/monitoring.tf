# Who uses the API: requests by key, and those refused for the quota.

resource "google_monitoring_dashboard" "callers" {
  dashboard_json = jsonencode({
    displayName = "Propensity ${var.environment}: callers of ${local.function}"
    gridLayout = {
      columns = "2"
      widgets = [for title, group in {
        "Requests a second, by API key"                  = "credential_id"
        "Requests a second, by the answer's HTTP status" = "response_code"
        } : {
        title = title
        xyChart = { dataSets = [{ plotType = "LINE", timeSeriesQuery = {
          # UNVERIFIED: that a gateway's requests carry the key as credential_id.
          prometheusQuery = "sum by (${group}) (rate(serviceruntime_googleapis_com:api_request_count{monitored_resource=\"consumed_api\", service=\"${google_api_gateway_api.scorer.managed_service}\"}[5m]))"
        } }] }
      }]
    }
  })
}
