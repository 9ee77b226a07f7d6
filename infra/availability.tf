# The service level objective of the checkout: the share of requests that must get an answer without an error. Two alerts
# watch how fast the error budget of 28 days is used up: `fast` for an outage, `slow` for a low but constant error rate.
#
# An alert is raised if the burn rate is too high both in a long and in a short window. The long window avoids alerts about
# short disturbances. The short window ends the alert soon after the cause is removed (Beyer and others, The Site Reliability
# Workbook, chapter 5).

variable "service_level" {
  description = "The minimum share of requests at the checkout that succeed, within 28 days."
  type        = number
  default     = 0.995

  validation {
    condition     = var.service_level >= 0.9 && var.service_level <= 0.9999
    error_message = "service_level ${var.service_level} must be from 0.9 to 0.9999."
  }
}

locals {
  # `fast` uses up 2 % of the error budget within one hour, and `slow` uses up 5 % within six hours.
  burn_rates = {
    fast = { rate = 13.4, long = "3600s", short = "300s" }
    slow = { rate = 5.6, long = "21600s", short = "1800s" }
  }

  checkout_requests = "metric.type=\"run.googleapis.com/request_count\" resource.type=\"cloud_run_revision\" resource.label.\"service_name\"=\"score-checkout\""
}

resource "google_monitoring_custom_service" "checkout" {
  service_id   = "propensity-checkout"
  display_name = "Propensity ${var.environment}: scores at the checkout"
  user_labels  = local.labels

  depends_on = [google_project_service.apis]
}

resource "google_monitoring_slo" "answered" {
  service             = google_monitoring_custom_service.checkout.service_id
  slo_id              = "answered"
  display_name        = "Requests without an error of ours"
  goal                = var.service_level
  rolling_period_days = 28
  user_labels         = local.labels

  request_based_sli {
    good_total_ratio {
      total_service_filter = local.checkout_requests
      bad_service_filter   = "${local.checkout_requests} metric.label.\"response_code_class\"=\"5xx\""
    }
  }
}

resource "google_monitoring_alert_policy" "burn" {
  for_each = local.burn_rates

  display_name          = "Propensity ${var.environment}: the checkout's budget of errors is used up ${each.value.rate} times too fast"
  combiner              = "AND"
  severity              = each.key == "fast" ? "CRITICAL" : "WARNING"
  notification_channels = local.channel_ids
  user_labels           = local.labels

  dynamic "conditions" {
    for_each = [each.value.long, each.value.short]
    iterator = window

    content {
      display_name = "Over ${window.value}"

      condition_threshold {
        filter          = "select_slo_burn_rate(\"${google_monitoring_slo.answered.name}\", \"${window.value}\")"
        comparison      = "COMPARISON_GT"
        threshold_value = each.value.rate
        duration        = "0s"
      }
    }
  }

  documentation {
    subject   = "Propensity ${var.environment}: checkouts fail"
    content   = local.sections["service_level"]
    mime_type = "text/markdown"

    dynamic "links" {
      for_each = var.alerts.runbook[*]

      content {
        display_name = "Runbook"
        url          = "${links.value}#service_level"
      }
    }
  }

  alert_strategy {
    auto_close = "86400s"
  }
}
