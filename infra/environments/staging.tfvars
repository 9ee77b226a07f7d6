# terraform init -reconfigure -backend-config=bucket=STATE_BUCKET -backend-config=prefix=propensity/staging
# terraform apply -var-file=environments/staging.tfvars

# A project of its own: topics, functions and the dataset have the same names in every environment.
project_id  = "my-shop-staging"
environment = "staging"

# It may read production's export: who applies this needs roles/bigquery.admin there, to let the functions in.
location = "EU"
export = {
  project = "my-shop-prod"
  dataset = "analytics_123456789"
}

# Less to learn from, so that a run takes minutes and costs little.
settings = {
  training = { window_days = 30, candidates = ["baseline", "logistic"] }
  serving  = { max_replicas = 1 }
}

# `terraform destroy` leaves nothing.
protect_data = false
