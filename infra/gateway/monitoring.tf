# A dashboard of the API's use: requests by API key, and requests by status, such as 429 for an exceeded quota.

resource "google_monitoring_dashboard" "callers" {
  dashboard_json = jsonencode({
    displayName = "Propensity ${var.environment}: callers of ${local.function}"
    gridLayout = {
      columns = "2"
      widgets = [for title, group in {
        "Requests per second, by API key"                  = "credential_id"
        "Requests per second, by the answer's HTTP status" = "response_code"
        } : {
        title = title
        xyChart = { dataSets = [{ plotType = "LINE", timeSeriesQuery = {
          # UNVERIFIED: the metric of a gateway's requests has the label credential_id for the API key.
          prometheusQuery = "sum by (${group}) (rate(serviceruntime_googleapis_com:api_request_count{monitored_resource=\"consumed_api\", service=\"${google_api_gateway_api.scorer.managed_service}\"}[5m]))"
        } }] }
      }]
    }
  })
}
