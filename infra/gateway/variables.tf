variable "project_id" {
  description = "The project in which infra/ was applied."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project_id))
    error_message = "project_id \"${var.project_id}\" is no project id: 6 to 30 lower-case letters, digits and hyphens, beginning with a letter. `gcloud projects list` shows yours."
  }
}

variable "environment" {
  description = "Which environment this is, as in infra/."
  type        = string
  default     = "prod"
}

variable "region" {
  description = "Where the functions run, as in infra/."
  type        = string
  default     = "us-central1"

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "region \"${var.region}\" is no Google Cloud region, as us-central1 is one."
  }
}

variable "gateway_region" {
  description = "Where the gateway stands, if not in the functions' region: API Gateway is in fewer regions than they are, e.g. europe-west1 for functions in europe-west3."
  type        = string
  default     = null
}

variable "serves_pages" {
  description = "Whether pages in a browser call, not the shop's servers alone: OPTIONS then needs no API key. The key of such a page is public, so restrict it to the page's address, and name that address in the setting online.origins."
  type        = bool
  default     = false
}

variable "requests_per_minute" {
  description = "How many requests a minute the callers of one project may send; more are answered with 429. A caller's project is that of its API key."
  type        = number
  default     = 6000

  validation {
    condition     = var.requests_per_minute >= 1 && floor(var.requests_per_minute) == var.requests_per_minute
    error_message = "requests_per_minute ${var.requests_per_minute} must be a whole number of at least 1."
  }
}
