# Monitoring, as functions/alerts.yaml declares it: a log-based metric per count, a policy and a chart per alert, and saved
# queries. The text of an alert is its section of docs/runbook.md.

variable "alerts" {
  description = "The receivers of alerts: an e-mail address, a Slack channel, a PagerDuty service, a webhook. Without a receiver, only the console shows alerts. alert_secrets contains the receivers' secrets. runbook is the URL of docs/runbook.md in your repository; alerts contain a link to it. latency_ms is the maximum 99th percentile of the latency at the checkout, in milliseconds, by default 500."
  type = object({
    email      = optional(string)
    slack      = optional(string)
    pagerduty  = optional(bool, false)
    webhook    = optional(string)
    runbook    = optional(string)
    latency_ms = optional(number)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.alerts.latency_ms == null || try(var.alerts.latency_ms > 0, false)
    error_message = "alerts.latency_ms must be a number of milliseconds above 0."
  }

  validation {
    condition     = var.alerts.email == null || can(regex("^[^@ ]+@[^@ ]+\\.[^@ ]+$", var.alerts.email))
    error_message = "alerts.email \"${var.alerts.email == null ? "" : var.alerts.email}\" is not an e-mail address; leave it out to send no e-mail."
  }

  validation {
    condition     = var.alerts.slack == null || can(regex("^#[^ ]+$", var.alerts.slack))
    error_message = "alerts.slack \"${var.alerts.slack == null ? "" : var.alerts.slack}\" is not a Slack channel such as \"#shop-alerts\"."
  }

  validation {
    condition     = var.alerts.webhook == null || can(regex("^https://", var.alerts.webhook))
    error_message = "alerts.webhook must be an https URL; the webhook's password is alert_secrets.webhook."
  }
}

variable "alert_secrets" {
  description = "The secrets of the receivers in alerts: Slack's bot token, PagerDuty's integration key, the webhook's password (the user name is propensity). Terraform's state contains these secrets."
  type = object({
    slack     = optional(string)
    pagerduty = optional(string)
    webhook   = optional(string)
  })
  default   = {}
  nullable  = false
  sensitive = true

  validation {
    condition = alltrue([
      (var.alerts.slack != null) == (var.alert_secrets.slack != null),
      var.alerts.pagerduty == (var.alert_secrets.pagerduty != null),
      (var.alerts.webhook != null) == (var.alert_secrets.webhook != null),
    ])
    error_message = "alert_secrets must contain exactly the secrets of the receivers that alerts names: slack, pagerduty, webhook."
  }
}

locals {
  watched = yamldecode(file("${local.root}/functions/alerts.yaml"))
  runbook = file("${local.root}/docs/runbook.md")
  answers = join("|", [for name, function in local.functions : replace(name, "_", "-") if can(function.http)])

  own_log = replace(local.watched.log, "SERVICES", join(" OR ", [for name in keys(local.functions) : "\"${replace(name, "_", "-")}\""]))

  # The texts of the alerts: a map from each heading of the runbook to the text of its section.
  sections = {
    for section in slice(split("\n## ", local.runbook), 1, length(split("\n## ", local.runbook))) :
    split("\n", section)[0] => trimspace(join("\n", slice(split("\n", section), 1, length(split("\n", section)))))
  }

  counted = {
    for name in keys(local.watched.counts) :
    name => "sum(increase(logging_googleapis_com:user_propensity_${name}{monitored_resource=\"cloud_run_revision\"}[MINUTESm]))"
  }

  # The queries of the charts on the dashboard.
  queries = {
    for name, alert in local.watched.alerts : name => (
      can(alert.query) ? replace(replace(alert.query, "SUBSCRIPTIONS", join("|", keys(local.subscriptions))), "ANSWERS", local.answers) :
      can(alert.share_of) ? replace("${local.counted[alert.count]} / ${local.counted[alert.share_of]}", "MINUTES", alert.minutes) :
      replace("${local.counted[alert.count]} or vector(0)", "MINUTES", alert.minutes)
    )
  }
  limits = {
    for name, alert in local.watched.alerts : name => (
      can(alert.fewer_than) ? "< ${alert.fewer_than}" :
      can(alert.above) ? "> ${name == "checkout_latency" && var.alerts.latency_ms != null ? var.alerts.latency_ms : alert.above}" :
      ">= ${alert.at_least}"
    )
  }
  conditions = {
    for name, alert in local.watched.alerts : name => join(" and ", concat(
      ["(${local.queries[name]}) ${local.limits[name]}"],
      # A share of few log entries is not reliable, so an alert on a share also needs a minimum number of entries.
      can(alert.share_of) ? ["${replace(local.counted[alert.share_of], "MINUTES", alert.minutes)} >= ${alert.at_least}"] : [],
    ))
  }

  # The notification channels: one for each receiver that var.alerts names.
  channels = {
    for name, channel in {
      email     = { is_wanted = var.alerts.email != null, type = "email", labels = { email_address = var.alerts.email } }
      slack     = { is_wanted = var.alerts.slack != null, type = "slack", labels = { channel_name = var.alerts.slack } }
      pagerduty = { is_wanted = var.alerts.pagerduty, type = "pagerduty", labels = {} }
      webhook   = { is_wanted = var.alerts.webhook != null, type = "webhook_basicauth", labels = { url = var.alerts.webhook, username = "propensity" } }
    } : name => channel if channel.is_wanted
  }
  channel_ids = values(google_monitoring_notification_channel.channels)[*].id
}

resource "google_logging_metric" "counts" {
  for_each = local.watched.counts

  name        = "propensity_${each.key}"
  description = "Number of entries in the functions' log; see functions/alerts.yaml."
  filter      = "${local.own_log}${each.value}"

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"
  }

  depends_on = [google_project_service.apis]
}

resource "google_logging_metric" "step_seconds" {
  name            = "propensity_step_seconds"
  description     = "The duration of each finished step, in seconds."
  filter          = "${local.own_log}jsonPayload.event=\"step_ended\""
  value_extractor = "EXTRACT(jsonPayload.seconds)"
  label_extractors = {
    step = "EXTRACT(jsonPayload.step)"
  }

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "DISTRIBUTION"
    unit        = "s"

    labels {
      key         = "step"
      description = "The function that runs the step."
    }
  }

  depends_on = [google_project_service.apis]
}

resource "google_monitoring_notification_channel" "channels" {
  for_each = local.channels

  display_name = "Propensity ${var.environment}"
  type         = each.value.type
  labels       = each.value.labels
  user_labels  = local.labels

  # An e-mail address needs no secret.
  dynamic "sensitive_labels" {
    for_each = each.key == "email" ? [] : [each.key]

    content {
      auth_token  = each.key == "slack" ? var.alert_secrets.slack : null
      service_key = each.key == "pagerduty" ? var.alert_secrets.pagerduty : null
      password    = each.key == "webhook" ? var.alert_secrets.webhook : null
    }
  }

  depends_on = [google_project_service.apis]
}

resource "google_monitoring_alert_policy" "watched" {
  for_each = local.watched.alerts

  display_name          = "Propensity ${var.environment}: ${each.value.title}"
  combiner              = "OR"
  severity              = each.value.severity
  notification_channels = local.channel_ids
  user_labels           = local.labels

  conditions {
    display_name = each.value.title

    condition_prometheus_query_language {
      query = local.conditions[each.key]
      # A condition on Google's metrics must be true for this duration. A count needs no duration, because its query
      # already counts over the time window.
      duration            = can(each.value.query) ? "${each.value.minutes * 60}s" : "0s"
      evaluation_interval = can(each.value.query) || each.value.minutes <= 60 ? "60s" : "3600s"
      # The metric is not validated, because a log-based metric does not exist until its first entry is counted.
      disable_metric_validation = true
    }
  }

  documentation {
    subject   = "Propensity ${var.environment}: ${each.value.title}"
    content   = local.sections[each.key]
    mime_type = "text/markdown"

    dynamic "links" {
      for_each = var.alerts.runbook[*]

      content {
        display_name = "Runbook"
        url          = "${links.value}#${each.key}"
      }
    }
  }

  alert_strategy {
    auto_close = "86400s"
  }

  depends_on = [google_logging_metric.counts]
}

resource "google_monitoring_dashboard" "propensity" {
  dashboard_json = jsonencode({
    displayName = "Propensity ${var.environment}"
    gridLayout = {
      columns = "2"
      widgets = [for one in concat(
        [for name, alert in local.watched.alerts : { title = alert.title, query = local.queries[name] }],
        [
          {
            title = "Seconds of the slowest delivery, by step"
            query = "histogram_quantile(1, sum by (le, step) (increase(logging_googleapis_com:user_propensity_step_seconds_bucket{monitored_resource=\"cloud_run_revision\"}[1h])))"
          },
          {
            title = "Requests per second at the checkout"
            query = "sum by (service_name, response_code_class) (rate(run_googleapis_com:request_count{monitored_resource=\"cloud_run_revision\", service_name=~\"${local.answers}\"}[5m]))"
          },
        ],
        ) : {
        title   = one.title
        xyChart = { dataSets = [{ plotType = "LINE", timeSeriesQuery = { prometheusQuery = one.query } }] }
      }]
    }
  })

  depends_on = [google_project_service.apis]
}

resource "google_logging_saved_query" "queries" {
  for_each = local.watched.queries

  name         = "propensity-${replace(each.key, " ", "-")}"
  parent       = "projects/${var.project_id}"
  location     = "global"
  display_name = "Propensity ${var.environment}: ${each.key}"
  description  = "Query of the log of all functions; see functions/alerts.yaml."
  visibility   = "SHARED"

  logging_query {
    filter = "${local.own_log}${each.value}"
  }

  depends_on = [google_project_service.apis]
}
