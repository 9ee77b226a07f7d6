# terraform init -backend-config=bucket=STATE_BUCKET -backend-config=prefix=propensity/prod
# terraform apply -var-file=environments/prod.tfvars

project_id  = "my-shop-prod"
environment = "prod"

# `bq ls --project_id=PROJECT` shows the export's dataset, and `bq show PROJECT:DATASET` shows its location. The location
# determines the regions: functions run in europe-west1 and Vertex AI serves in europe-west4.
location = "EU"
export = {
  dataset = "analytics_123456789"
  kind    = "ga4"
}

# The settings of this shop that differ from the defaults in shared/settings.py.
settings = {
  source = { internal_sources = ["intranet.example.com"] }
  policy = { coupon_from = 0.5, coupon_below = 0.8 }
}

alerts = {
  email      = "shop-team@example.com"
  latency_ms = 500
}

budget = {
  billing_account = "012345-6789AB-CDEF01"
  amount          = 500
}
