# terraform init -reconfigure -backend-config=bucket=STATE_BUCKET -backend-config=prefix=propensity/staging
# terraform apply -var-file=environments/staging.tfvars

# Each environment needs its own project, since topics, functions and the dataset have the same names in every environment.
project_id  = "my-shop-staging"
environment = "staging"

# Staging reads the export of production. To apply this file, you need roles/bigquery.admin in the project of production,
# since Terraform gives the functions access to the export there.
location = "EU"
export = {
  project = "my-shop-prod"
  dataset = "analytics_123456789"
}

# A shorter training window and fewer candidates, so that a run takes minutes and costs little.
settings = {
  training = { window_days = 30, candidates = ["baseline", "logistic"] }
  serving  = { max_replicas = 1 }
}

# `terraform destroy` deletes all data of this environment.
protect_data = false
