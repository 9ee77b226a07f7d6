# Only the gateway may call the function. The gateway refuses callers without a key, and limits the others by a quota.

mock_provider "google" {
  mock_data "google_cloudfunctions2_function" {
    defaults = {
      service_config = [{ uri = "https://score-checkout-1.a.run.app" }]
    }
  }

  mock_resource "google_service_account" {
    defaults = {
      email  = "score-checkout-gateway@shop-prod.iam.gserviceaccount.com"
      member = "serviceAccount:score-checkout-gateway@shop-prod.iam.gserviceaccount.com"
    }
    override_during = plan
  }
}

mock_provider "google-beta" {
  mock_resource "google_api_gateway_api" {
    defaults        = { managed_service = "score-checkout-1.apigateway.shop-prod.cloud.goog" }
    override_during = plan
  }
}

variables {
  project_id = "shop-prod"
}

run "the_gateway_serves_the_functions_own_contract" {
  command = plan

  assert {
    condition = { for path, operations in jsondecode(local.document).paths : path => {
      for method, operation in operations : method => { for name, value in operation : name => value if name != "x-google-quota" }
    } } == jsondecode(file("../../functions/score_checkout.openapi.json")).paths
    error_message = "The gateway has the paths and operations of the contract."
  }

  assert {
    condition     = jsondecode(local.document).components.schemas == jsondecode(file("../../functions/score_checkout.openapi.json")).components.schemas
    error_message = "The gateway has the schemas of the contract."
  }

  assert {
    condition     = base64decode(google_api_gateway_api_config.scorer.openapi_documents[0].document[0].contents) == local.document
    error_message = "The gateway gets this document."
  }
}

run "a_browser_asks_first_without_a_key_where_pages_call" {
  command = plan

  variables {
    serves_pages = true
  }

  assert {
    condition     = alltrue([for operations in values(jsondecode(local.document).paths) : operations.options.security == []])
    error_message = "OPTIONS needs no key."
  }

  assert {
    condition     = !can(jsondecode(local.document).paths["/"].post.security)
    error_message = "Requests for a score need a key."
  }
}

run "every_request_needs_a_key_and_counts" {
  command = plan

  variables {
    requests_per_minute = 120
  }

  assert {
    condition     = jsondecode(local.document).security == [{ api_key = [] }] && keys(jsondecode(local.document).components.securitySchemes) == ["api_key"] && jsondecode(local.document).components.securitySchemes.api_key.name == "x-api-key"
    error_message = "The document asks for an API key in a header."
  }

  assert {
    condition     = !anytrue(flatten([for operations in values(jsondecode(local.document).paths) : [for operation in values(operations) : can(operation.security)]]))
    error_message = "Each operation needs a key."
  }

  assert {
    condition = alltrue(flatten([for operations in values(jsondecode(local.document).paths) : [
      for operation in values(operations) : keys(operation["x-google-quota"].metricCosts) == keys(jsondecode(local.document)["x-google-api-management"].metrics)
    ]]))
    error_message = "Each operation counts against the quota's metric."
  }

  assert {
    condition     = one(values(jsondecode(local.document)["x-google-api-management"].quota.limits)).values == 120
    error_message = "The quota is the number in var.requests_per_minute."
  }
}

run "the_gateway_asks_as_itself_and_only_this_function" {
  command = plan

  assert {
    condition     = google_cloud_run_v2_service_iam_member.invoker.name == "score-checkout" && google_cloud_run_v2_service_iam_member.invoker.role == "roles/run.invoker" && google_cloud_run_v2_service_iam_member.invoker.member == google_service_account.gateway.member
    error_message = "The gateway's own account may invoke the function."
  }

  assert {
    condition     = google_api_gateway_api_config.scorer.gateway_config[0].backend_config[0].google_service_account == google_service_account.gateway.email
    error_message = "The gateway calls the function as its own account."
  }

  assert {
    condition     = one(values(jsondecode(local.document)["x-google-api-management"].backends)).address == "https://score-checkout-1.a.run.app" && one(values(jsondecode(local.document)["x-google-api-management"].backends)).deadline == yamldecode(file("../../functions/functions.yaml")).functions.score_checkout.timeout_seconds
    error_message = "It waits as long as the function may take."
  }
}

run "another_contract_is_another_configuration" {
  command = plan

  variables {
    requests_per_minute = 7
  }

  assert {
    condition     = google_api_gateway_api_config.scorer.api_config_id == "score-checkout-${substr(sha256(local.document), 0, 12)}" && google_api_gateway_api_config.scorer.api_config_id != run.the_gateway_asks_as_itself_and_only_this_function.config
    error_message = "The configuration's name contains a hash of its content."
  }
}

run "a_quota_of_nothing_is_refused" {
  command = plan

  variables {
    requests_per_minute = 0.5
  }

  expect_failures = [var.requests_per_minute]
}
