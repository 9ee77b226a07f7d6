# API Gateway for score_checkout. Callers send an API key, each caller's project has a quota, and only the gateway may call
# the function.

locals {
  function = "score_checkout"
  name     = replace(local.function, "_", "-")
  root     = "${path.module}/../.."
  declared = yamldecode(file("${local.root}/functions/functions.yaml")).functions[local.function]
  labels   = { app = "propensity", environment = var.environment }
  # The OpenAPI document that the function itself serves; API Gateway accepts OpenAPI 3.1.
  contract = jsondecode(file("${local.root}/functions/${local.function}.openapi.json"))
  url      = data.google_cloudfunctions2_function.scorer.service_config[0].uri

  # `servers` is left out, since the gateway is the only server. API keys are the only security scheme.
  offered = { for name, value in local.contract : name => value if name != "servers" }

  document = jsonencode(merge(local.offered, {
    x-google-api-management = {
      backends = {
        (local.name) = {
          address         = local.url
          jwtAudience     = local.url
          pathTranslation = "APPEND_PATH_TO_ADDRESS"
          deadline        = local.declared.timeout_seconds
        }
      }
      metrics = { requests = { displayName = "Requests" } }
      quota   = { limits = { requests-per-minute = { metric = "requests", values = var.requests_per_minute } } }
    }
    x-google-backend = local.name
    security         = [{ api_key = [] }]
    components = merge(local.contract.components, {
      securitySchemes = { api_key = local.contract.components.securitySchemes.api_key }
    })
    paths = {
      for path, operations in local.contract.paths : path => merge({
        # UNVERIFIED: OpenAPI 3 has the same form for a method's costs as OpenAPI 2.0.
        for method, operation in operations : method => merge(operation, { x-google-quota = { metricCosts = { requests = 1 } } })
        }, var.serves_pages ? {
        # Before a web page may call, the browser sends OPTIONS without a key. The setting online.origins decides
        # whether the page may call.
        options = {
          operationId = path == "/" ? "mayCall" : "mayCall${title(trimprefix(path, "/"))}"
          summary     = "Tell a browser whether a page may call"
          security    = []
          responses   = { "204" = { description = "The page may call." }, "405" = { description = "It may not." } }
        }
      } : {})
    }
  }))
}

data "google_cloudfunctions2_function" "scorer" {
  name     = local.name
  location = var.region
}

resource "google_service_account" "gateway" {
  account_id   = "${local.name}-gateway"
  display_name = "The gateway over ${local.function}"
  description  = "Calls ${local.function} for callers with a key; has no other permissions."
}

resource "google_cloud_run_v2_service_iam_member" "invoker" {
  name     = local.name
  location = var.region
  role     = "roles/run.invoker"
  member   = google_service_account.gateway.member
}

resource "google_api_gateway_api" "scorer" {
  provider = google-beta

  api_id       = local.name
  display_name = local.contract.info.title
  labels       = local.labels
}

# Unless this service is enabled, the gateway refuses keys of this project. The service can be enabled only after the
# API has a configuration.
resource "google_project_service" "scorer" {
  service            = google_api_gateway_api.scorer.managed_service
  disable_on_destroy = false

  depends_on = [google_api_gateway_api_config.scorer]
}

resource "google_api_gateway_api_config" "scorer" {
  provider = google-beta

  api = google_api_gateway_api.scorer.api_id
  # A configuration cannot be changed, so each version of the document gets a new configuration.
  api_config_id = "${local.name}-${substr(sha256(local.document), 0, 12)}"
  labels        = local.labels

  openapi_documents {
    document {
      path     = "${local.function}.openapi.json"
      contents = base64encode(local.document)
    }
  }

  gateway_config {
    backend_config {
      google_service_account = google_service_account.gateway.email
    }
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "google_api_gateway_gateway" "scorer" {
  provider = google-beta

  gateway_id = local.name
  api_config = google_api_gateway_api_config.scorer.id
  region     = coalesce(var.gateway_region, var.region)
  labels     = local.labels

  # The gateway must accept keys from the moment at which it has an address, so the service is enabled first.
  depends_on = [google_project_service.scorer]
}
