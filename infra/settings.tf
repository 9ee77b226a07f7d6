# What the functions read as PROPENSITY_SETTINGS: what was made here, and what the environment wants otherwise.

locals {
  bucket = "${var.project_id}-propensity-${var.environment}"
  labels = { app = "propensity", environment = var.environment }

  settings = merge(var.settings, {
    bucket   = local.bucket
    location = var.location
    dataset  = var.dataset
    source = merge(try(var.settings.source, {}), {
      for name, value in var.export : name => value if value != null
    })
    serving = merge(try(var.settings.serving, {}), { region = var.region })
  })

  # The name that shared/settings.py gives where the settings give none.
  endpoint_id = try(var.settings.serving.endpoint_id, "propensity")

  # The names that shared/settings.py knows, in their sections; a single value has none. Not here: what Terraform knows itself.
  known_settings = {
    source   = ["internal_sources", "max_hits"]
    label    = ["kind", "horizon_days"]
    checks   = ["max_age_days", "min_rows_share", "trailing_days", "max_duplicates_share", "max_null_share"]
    training = ["window_days", "evaluation_share", "test_share", "candidates"]
    gate     = ["min_roc_auc", "min_positives", "max_roc_auc_loss", "max_calibration_ratio", "max_single_feature_roc_auc"]
    policy   = ["coupon_from", "coupon_below"]
    audience = ["window_days", "max_decile"]
    serving  = ["api_endpoint", "model_id", "endpoint_id", "machine_type", "max_replicas", "canary_percent", "golden_rows"]
    online   = ["order", "endpoint_deadline_ms", "retry_share", "breaker_failures", "breaker_open_seconds", "breaker_probes", "refresh_seconds", "next_products"]
    recommendations = [
      "window_days", "min_baskets", "min_count", "min_support", "min_confidence", "min_lift", "methods", "evaluation_visitors",
      "shrinkage", "per_visitor", "most_rules", "most_similar", "most_popular",
    ]
    resume_after_minutes = []
    wait_seconds         = []
  }

  unknown_settings = sort(flatten([
    for section, given in var.settings : !contains(keys(local.known_settings), section) ? [section] : [
      for name in(can(keys(given)) ? keys(given) : []) :
      "${section}.${name}" if !contains(local.known_settings[section], name)
    ]
  ]))

  # Where the key of data in `location` must lie.
  kms_location = lookup({ US = "us", EU = "europe" }, var.location, var.location)
}
