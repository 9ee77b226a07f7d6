# What is watched: each has a chart on the dashboard, a limit, and an alert that says what to do.

variable "alerts" {
  description = "Whom an alert is mailed to (null: alerts show in the console only), and how slow the slowest twentieth of the answers at the checkout may be."
  type = object({
    email      = optional(string)
    latency_ms = optional(number, 500)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.alerts.latency_ms > 0
    error_message = "alerts.latency_ms ${var.alerts.latency_ms} must be a number of milliseconds above 0."
  }

  validation {
    condition     = var.alerts.email == null || can(regex("^[^@ ]+@[^@ ]+\\.[^@ ]+$", var.alerts.email))
    error_message = "alerts.email \"${var.alerts.email == null ? "" : var.alerts.email}\" is no e-mail address; leave it out to have nobody mailed."
  }
}

locals {
  services = [for name in keys(local.functions) : replace(name, "_", "-")]
  answers  = join("|", [for name, function in local.functions : replace(name, "_", "-") if can(function.http)])

  # Standard output alone: a delivery that has to wait answers 500, which Cloud Run logs as an error and is none.
  own_log     = <<-EOT
    resource.type="cloud_run_revision"
    resource.labels.service_name=(${join(" OR ", [for service in local.services : "\"${service}\""])})
    logName:"run.googleapis.com%2Fstdout"
  EOT
  dead_letter = "jsonPayload.event=\"dead_letter\""

  watched = {
    failures = {
      title = "Errors in 15 minutes, by function"
      query = "sum by (service_name) (increase(logging_googleapis_com:user_propensity_errors{monitored_resource=\"cloud_run_revision\"}[15m]))"
      limit = "> 0"
      what  = "A function failed, for now or for good. `propensity runs` says which run stands and why; the log has the stack trace under `severity>=ERROR`. What is retried goes on by itself once its cause is gone."
    }
    dead_letters = {
      title = "Dead letters in 15 minutes"
      query = "sum(increase(logging_googleapis_com:user_propensity_dead_letters{monitored_resource=\"cloud_run_revision\"}[15m]))"
      limit = "> 0"
      what  = "A message was given up: nobody could read it, or every delivery failed. `propensity runs` lists the dead letters with their reasons. Once the cause is gone, `propensity replay` sends them again."
    }
    unread = {
      title = "Age of the oldest unread event in seconds, by subscription"
      query = "max by (subscription_id) (pubsub_googleapis_com:subscription_oldest_unacked_message_age{monitored_resource=\"pubsub_subscription\", subscription_id=~\"${join("|", keys(local.subscriptions))}\"})"
      limit = "> 3600"
      lasts = "300s"
      what  = "An event has been delivered for an hour and nobody took it. Either the function fails at its start (see its log on standard error) or the step goes on being not ready (`propensity runs`)."
    }
    latency = {
      title = "Answers at the checkout: milliseconds of the slowest twentieth"
      query = "histogram_quantile(0.95, sum by (le, service_name) (rate(run_googleapis_com:request_latencies_bucket{monitored_resource=\"cloud_run_revision\", service_name=~\"${local.answers}\"}[5m])))"
      limit = "> ${var.alerts.latency_ms}"
      lasts = "600s"
      what  = "Customers wait. Cold starts go away with min_instances in functions/functions.yaml; a slow endpoint shows in the events `checkout_scored` as scored_by and latency_ms, and online.order chooses which path comes first."
    }
    server_errors = {
      title = "Answers at the checkout: share that failed"
      query = "sum by (service_name) (rate(run_googleapis_com:request_count{monitored_resource=\"cloud_run_revision\", service_name=~\"${local.answers}\", response_code_class=\"5xx\"}[5m])) / sum by (service_name) (rate(run_googleapis_com:request_count{monitored_resource=\"cloud_run_revision\", service_name=~\"${local.answers}\"}[5m]))"
      limit = "> 0.01"
      lasts = "300s"
      what  = "The shop gets no scores. 503 means that no model serves yet or none can be reached, 500 is ours: the log has the reason under the request id."
    }
    fallbacks = {
      title = "Scores in 15 minutes that the embedded champion gave because the endpoint could not"
      query = "sum(increase(logging_googleapis_com:user_propensity_fallbacks{monitored_resource=\"cloud_run_revision\"}[15m]))"
      limit = "> 100"
      what  = "The endpoint fails or is late, and the champion in the function's memory answers customers: the events `embedded_stood_in` have the reason. A few after a cold start are to be expected with online.order = endpoint_first."
    }
    audience = {
      title = "Audiences published in 26 hours"
      query = "sum(increase(logging_googleapis_com:user_propensity_step_seconds_count{monitored_resource=\"cloud_run_revision\", step=\"publish_audience\"}[26h])) or vector(0)"
      limit = "< 1"
      lasts = "3600s"
      every = "3600s"
      what  = "No audience was published for 26 hours. `propensity runs` shows where the newest run stands; without a champion yet, or without a new day in the export, there is none to publish. On the first day after deployment this is to be expected."
    }
  }
}

resource "google_logging_metric" "errors" {
  name        = "propensity_errors"
  description = "What the functions log as errors, dead letters aside."
  filter      = "${local.own_log}severity>=ERROR\nNOT ${local.dead_letter}"

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"
  }

  depends_on = [google_project_service.apis]
}

resource "google_logging_metric" "dead_letters" {
  name        = "propensity_dead_letters"
  description = "Messages that no function could use."
  filter      = "${local.own_log}${local.dead_letter}"

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"
  }

  depends_on = [google_project_service.apis]
}

resource "google_logging_metric" "fallbacks" {
  name        = "propensity_fallbacks"
  description = "Scores that the embedded champion gave because the endpoint could not."
  filter      = "${local.own_log}jsonPayload.event=\"embedded_stood_in\""

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"
  }

  depends_on = [google_project_service.apis]
}

resource "google_logging_metric" "step_seconds" {
  name            = "propensity_step_seconds"
  description     = "How long each step took that ended."
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
      description = "The function whose step it was."
    }
  }

  depends_on = [google_project_service.apis]
}

resource "google_monitoring_notification_channel" "email" {
  count = var.alerts.email == null ? 0 : 1

  display_name = "Propensity ${var.environment}"
  type         = "email"
  user_labels  = local.labels

  labels = {
    email_address = var.alerts.email
  }

  depends_on = [google_project_service.apis]
}

resource "google_monitoring_alert_policy" "watched" {
  for_each = local.watched

  display_name          = "Propensity ${var.environment}: ${each.value.title}"
  combiner              = "OR"
  notification_channels = google_monitoring_notification_channel.email[*].id
  user_labels           = local.labels

  conditions {
    display_name = "${each.value.title} ${each.value.limit}"

    condition_prometheus_query_language {
      query               = "(${each.value.query}) ${each.value.limit}"
      duration            = try(each.value.lasts, "0s")
      evaluation_interval = try(each.value.every, "60s")
      # A metric of the log is there once something was counted.
      disable_metric_validation = true
    }
  }

  documentation {
    content   = each.value.what
    mime_type = "text/markdown"
  }

  alert_strategy {
    auto_close = "86400s"
  }

  depends_on = [google_logging_metric.errors, google_logging_metric.dead_letters, google_logging_metric.fallbacks, google_logging_metric.step_seconds]
}

resource "google_monitoring_dashboard" "propensity" {
  dashboard_json = jsonencode({
    displayName = "Propensity ${var.environment}"
    gridLayout = {
      columns = "2"
      widgets = [for name, one in merge(local.watched, {
        steps = {
          title = "Seconds that the slowest delivery of a step took, by step"
          query = "histogram_quantile(1, sum by (le, step) (increase(logging_googleapis_com:user_propensity_step_seconds_bucket{monitored_resource=\"cloud_run_revision\"}[1h])))"
        }
        requests = {
          title = "Requests a second at the checkout"
          query = "sum by (service_name, response_code_class) (rate(run_googleapis_com:request_count{monitored_resource=\"cloud_run_revision\", service_name=~\"${local.answers}\"}[5m]))"
        }
        }) : {
        title   = one.title
        xyChart = { dataSets = [{ plotType = "LINE", timeSeriesQuery = { prometheusQuery = one.query } }] }
      }]
    }
  })

  depends_on = [google_project_service.apis]
}
