# What is watched is what was made, whoever should be told is, and a budget tells in time.

mock_provider "google" {
  source = "./tests/mocks"

  mock_resource "google_monitoring_notification_channel" {
    defaults        = { id = "projects/shop-prod/notificationChannels/1" }
    override_during = plan
  }
}

run "everything_watched_has_an_alert_that_says_what_to_do_and_a_chart" {
  command = plan

  plan_options {
    target = [google_billing_budget.project, google_logging_metric.errors, google_logging_metric.dead_letters, google_logging_metric.fallbacks, google_logging_metric.step_seconds, google_monitoring_alert_policy.watched, google_monitoring_dashboard.propensity, google_monitoring_notification_channel.email, google_pubsub_subscription.push]
  }

  assert {
    condition = alltrue([for name, alert in google_monitoring_alert_policy.watched :
      length(alert.documentation[0].content) > 0 && contains(
        [for widget in jsondecode(google_monitoring_dashboard.propensity.dashboard_json).gridLayout.widgets : widget.xyChart.dataSets[0].timeSeriesQuery.prometheusQuery],
        trimsuffix(trimprefix(alert.conditions[0].condition_prometheus_query_language[0].query, "("), ") ${local.watched[name].limit}")
      )
    ])
    error_message = "Each alert has its remedy and its chart."
  }


  assert {
    condition = toset([
      for found in flatten([for one in values(local.watched) : regexall("logging_googleapis_com:user_([a-z_]+?)(?:_count|_bucket)?\\{", one.query)]) : found
    ]) == toset([google_logging_metric.errors.name, google_logging_metric.dead_letters.name, google_logging_metric.fallbacks.name, google_logging_metric.step_seconds.name])
    error_message = "Alerts ask for metrics that exist, and no metric is idle."
  }

  assert {
    condition = alltrue([for metric in [google_logging_metric.errors, google_logging_metric.dead_letters, google_logging_metric.fallbacks, google_logging_metric.step_seconds] :
      alltrue([for function in keys(yamldecode(file("../functions/functions.yaml")).functions) : strcontains(metric.filter, "\"${replace(function, "_", "-")}\"")])
    ])
    error_message = "They count every function's log."
  }

  assert {
    condition     = alltrue([for name in keys(google_pubsub_subscription.push) : strcontains(google_monitoring_alert_policy.watched["unread"].conditions[0].condition_prometheus_query_language[0].query, name)])
    error_message = "No subscription is left unwatched."
  }

  assert {
    condition     = length(google_billing_budget.project) == 0 && length(google_monitoring_notification_channel.email) == 0
    error_message = "Both need somebody's decision."
  }
}

run "everyone_who_should_be_is_told" {
  command = plan

  plan_options {
    target = [google_monitoring_alert_policy.watched, google_monitoring_notification_channel.email, google_billing_budget.project]
  }

  variables {
    alerts = { email = "shop@example.com", latency_ms = 250 }
    budget = { billing_account = "012345-6789AB-CDEF01", amount = 200 }
  }

  assert {
    condition     = alltrue([for alert in google_monitoring_alert_policy.watched : alert.notification_channels == tolist(google_monitoring_notification_channel.email[*].id)])
    error_message = "Each alert is mailed."
  }

  assert {
    condition     = google_billing_budget.project[0].all_updates_rule[0].monitoring_notification_channels == tolist(google_monitoring_notification_channel.email[*].id)
    error_message = "So is the budget's."
  }

  assert {
    condition     = google_billing_budget.project[0].budget_filter[0].projects == toset(["projects/123456789"]) && google_billing_budget.project[0].amount[0].specified_amount[0].units == "200"
    error_message = "The budget is this project's."
  }

  assert {
    condition     = anytrue([for rule in google_billing_budget.project[0].threshold_rules : rule.spend_basis == "FORECASTED_SPEND"])
    error_message = "It tells before the money is spent."
  }

  assert {
    condition     = endswith(google_monitoring_alert_policy.watched["latency"].conditions[0].condition_prometheus_query_language[0].query, "> 250")
    error_message = "The limit is the variable's."
  }

  assert {
    condition     = google_monitoring_notification_channel.email[0].labels.email_address == "shop@example.com" && google_monitoring_notification_channel.email[0].type == "email"
    error_message = "The person is mailed to."
  }
}
