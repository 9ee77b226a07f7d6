variable "project_id" {
  description = "The Google Cloud project that everything here belongs to."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project_id))
    error_message = "project_id \"${var.project_id}\" is no project id: 6 to 30 lower-case letters, digits and hyphens, beginning with a letter. `gcloud projects list` shows yours."
  }
}

variable "environment" {
  description = "Which environment this is; its name is part of the bucket's, so that two never share one."
  type        = string
  default     = "prod"

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{1,11}$", var.environment))
    error_message = "environment \"${var.environment}\" must be 2 to 12 lower-case letters and digits, beginning with a letter, e.g. prod or staging."
  }
}

variable "region" {
  description = "Where the functions run and Vertex AI serves."
  type        = string
  default     = "us-central1"

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "region \"${var.region}\" is no Google Cloud region, as us-central1 is one."
  }
}

variable "location" {
  description = "Where BigQuery and Cloud Storage keep the data: a multi-region or a region, the same as the export's."
  type        = string
  default     = "US"
}
