# Sends an e-mail when the project costs more than its budget. Google sends only the message and stops nothing.

variable "budget" {
  description = "The project's budget per month, in the currency of the billing account, e.g. {billing_account = \"012345-6789AB-CDEF01\", amount = 200}; null makes no budget. To apply a budget, you need roles/billing.costsManager on the billing account."
  type = object({
    billing_account = string
    amount          = number
  })
  default = null

  validation {
    condition     = var.budget == null || can(regex("^[0-9A-F]{6}-[0-9A-F]{6}-[0-9A-F]{6}$", var.budget.billing_account))
    error_message = "budget.billing_account \"${try(var.budget.billing_account, "")}\" is not a billing account such as 012345-6789AB-CDEF01: `gcloud billing accounts list` shows yours."
  }

  validation {
    condition     = var.budget == null || try(var.budget.amount >= 1 && floor(var.budget.amount) == var.budget.amount, false)
    error_message = "budget.amount must be a whole number of at least 1."
  }
}

resource "google_billing_budget" "project" {
  count = var.budget == null ? 0 : 1

  billing_account = var.budget.billing_account
  display_name    = "Propensity ${var.environment} (${var.project_id})"

  budget_filter {
    projects        = ["projects/${local.project_number}"]
    calendar_period = "MONTH"
  }

  amount {
    specified_amount {
      units = tostring(var.budget.amount)
    }
  }

  dynamic "threshold_rules" {
    for_each = [0.5, 0.9, 1]
    content {
      threshold_percent = threshold_rules.value
    }
  }

  # An alert as soon as the forecast for the month exceeds the budget.
  threshold_rules {
    threshold_percent = 1
    spend_basis       = "FORECASTED_SPEND"
  }

  # An empty block is left out. For an empty block, Google would return no rule, so each plan would show a change.
  dynamic "all_updates_rule" {
    for_each = contains(keys(local.channels), "email") ? [true] : []

    content {
      monitoring_notification_channels = [google_monitoring_notification_channel.channels["email"].id]
    }
  }

  depends_on = [google_project_service.apis]
}
