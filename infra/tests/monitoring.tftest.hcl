# Each entry of functions/alerts.yaml has its metric, policy, chart or query, and alerts go to the configured receivers.

mock_provider "google" {
  source = "./tests/mocks"

  mock_resource "google_monitoring_notification_channel" {
    defaults        = { id = "projects/shop-prod/notificationChannels/1" }
    override_during = plan
  }

  mock_resource "google_monitoring_slo" {
    defaults        = { name = "projects/123456789/services/propensity-checkout/serviceLevelObjectives/answered" }
    override_during = plan
  }
}

run "each_alert_has_its_condition_its_section_of_the_runbook_and_its_chart" {
  command = plan

  plan_options {
    target = [google_billing_budget.project, google_logging_metric.counts, google_logging_metric.step_seconds, google_logging_saved_query.queries, google_monitoring_alert_policy.watched, google_monitoring_alert_policy.burn, google_monitoring_dashboard.propensity, google_monitoring_notification_channel.channels, google_pubsub_subscription.push]
  }

  assert {
    condition     = alltrue([for alert in values(google_monitoring_alert_policy.watched) : strcontains(alert.documentation[0].content, "**Do**")])
    error_message = "Each alert holds its section."
  }

  assert {
    condition = toset([for widget in jsondecode(google_monitoring_dashboard.propensity.dashboard_json).gridLayout.widgets : widget.title]) == toset(concat(
      [for alert in values(local.watched.alerts) : alert.title],
      ["Seconds of the slowest delivery, by step", "Requests per second at the checkout"],
    ))
    error_message = "Each alert has its chart."
  }

  assert {
    condition = alltrue([for name, query in {
      no_audience     = "(sum(increase(logging_googleapis_com:user_propensity_audiences{monitored_resource=\"cloud_run_revision\"}[1560m])) or vector(0)) < 1"
      run_failed      = "(sum(increase(logging_googleapis_com:user_propensity_failed_runs{monitored_resource=\"cloud_run_revision\"}[15m])) or vector(0)) >= 1"
      fallbacks       = "(sum(increase(logging_googleapis_com:user_propensity_fallbacks{monitored_resource=\"cloud_run_revision\"}[15m])) / sum(increase(logging_googleapis_com:user_propensity_checkouts{monitored_resource=\"cloud_run_revision\"}[15m]))) > 0.05 and sum(increase(logging_googleapis_com:user_propensity_checkouts{monitored_resource=\"cloud_run_revision\"}[15m])) >= 20"
      checkout_errors = "(sum by (service_name) (rate(run_googleapis_com:request_count{monitored_resource=\"cloud_run_revision\", service_name=~\"score-checkout\", response_code_class=\"5xx\"}[5m])) / sum by (service_name) (rate(run_googleapis_com:request_count{monitored_resource=\"cloud_run_revision\", service_name=~\"score-checkout\"}[5m]))) > 0.01"
    } : google_monitoring_alert_policy.watched[name].conditions[0].condition_prometheus_query_language[0].query == query])
    error_message = "Counts, shares and queries become conditions."
  }

  assert {
    condition     = toset([for metric in values(google_logging_metric.counts) : metric.name]) == toset([for name in keys(local.watched.counts) : "propensity_${name}"])
    error_message = "Each count is a metric."
  }

  assert {
    condition     = alltrue([for alert in values(local.watched.alerts) : can(alert.query) || alltrue([for name in compact([try(alert.count, ""), try(alert.share_of, "")]) : contains(keys(local.watched.counts), name)])])
    error_message = "Alerts name counts that exist."
  }

  assert {
    condition = alltrue([for filter in concat(values(google_logging_metric.counts)[*].filter, [for query in values(google_logging_saved_query.queries) : query.logging_query[0].filter]) :
      alltrue([for function in keys(yamldecode(file("../functions/functions.yaml")).functions) : strcontains(filter, "\"${replace(function, "_", "-")}\"")])
    ])
    error_message = "The counts select the log of every function."
  }

  assert {
    condition     = alltrue([for name in keys(google_pubsub_subscription.push) : strcontains(google_monitoring_alert_policy.watched["unread_events"].conditions[0].condition_prometheus_query_language[0].query, name)])
    error_message = "No subscription is left out."
  }

  assert {
    # `propensity cost` counts the same four conditions.
    condition     = length(google_monitoring_alert_policy.burn) == 2 && alltrue([for policy in values(google_monitoring_alert_policy.burn) : length(policy.conditions) == 2 && policy.combiner == "AND"])
    error_message = "A burn rate must be exceeded over both windows."
  }

  assert {
    condition     = length(google_billing_budget.project) == 0 && length(local.channels) == 0
    error_message = "Without var.budget and without receivers, there is no budget and no channel."
  }
}

run "everyone_who_should_be_is_told" {
  command = plan

  plan_options {
    target = [google_monitoring_alert_policy.watched, google_monitoring_notification_channel.channels, google_billing_budget.project]
  }

  variables {
    alerts = {
      email      = "shop@example.com"
      slack      = "#shop-alerts"
      pagerduty  = true
      webhook    = "https://hooks.example.com/propensity"
      runbook    = "https://git.example.com/propensity/docs/runbook.md"
      latency_ms = 250
    }
    alert_secrets = { slack = "a", pagerduty = "b", webhook = "c" }
    budget        = { billing_account = "012345-6789AB-CDEF01", amount = 200 }
  }

  assert {
    condition     = alltrue([for alert in google_monitoring_alert_policy.watched : length(alert.notification_channels) == 4])
    error_message = "Each alert goes to all channels."
  }

  assert {
    condition     = google_monitoring_alert_policy.watched["run_failed"].documentation[0].links[0].url == "https://git.example.com/propensity/docs/runbook.md#run_failed"
    error_message = "Each alert links its section."
  }

  assert {
    condition     = google_billing_budget.project[0].all_updates_rule[0].monitoring_notification_channels == tolist([google_monitoring_notification_channel.channels["email"].id])
    error_message = "The budget is mailed, for Cloud Billing knows no other channel."
  }

  assert {
    condition     = google_billing_budget.project[0].budget_filter[0].projects == toset(["projects/123456789"]) && google_billing_budget.project[0].amount[0].specified_amount[0].units == "200"
    error_message = "The budget is this project's."
  }

  assert {
    condition     = anytrue([for rule in google_billing_budget.project[0].threshold_rules : rule.spend_basis == "FORECASTED_SPEND"])
    error_message = "The budget's alert comes before the money is spent."
  }

  assert {
    condition     = endswith(google_monitoring_alert_policy.watched["checkout_latency"].conditions[0].condition_prometheus_query_language[0].query, "> 250")
    error_message = "The limit is the number in var.alerts.latency_ms."
  }

  assert {
    condition     = google_monitoring_notification_channel.channels["email"].labels.email_address == "shop@example.com" && google_monitoring_notification_channel.channels["email"].type == "email"
    error_message = "The e-mail goes to the address in var.alerts.email."
  }
}

run "a_channel_without_its_secret_is_refused" {
  command = plan

  variables {
    alerts = { slack = "#shop-alerts" }
  }

  expect_failures = [var.alert_secrets]
}

run "a_channel_that_is_none_is_refused" {
  command = plan

  variables {
    alerts        = { slack = "shop-alerts", webhook = "http://hooks.example.com" }
    alert_secrets = { slack = "a", webhook = "b" }
    service_level = 1
  }

  expect_failures = [var.alerts, var.service_level]
}
