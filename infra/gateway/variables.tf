variable "project_id" {
  description = "The project in which infra/ was applied."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project_id))
    error_message = "project_id \"${var.project_id}\" is not a project id: use 6 to 30 lower-case letters, digits and hyphens, beginning with a letter. `gcloud projects list` shows yours."
  }
}

variable "environment" {
  description = "The name of the environment, as in infra/."
  type        = string
  default     = "prod"
}

variable "region" {
  description = "The region in which the functions run, as in infra/."
  type        = string
  default     = "us-central1"

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "region \"${var.region}\" is not a Google Cloud region such as us-central1."
  }
}

variable "gateway_region" {
  description = "The gateway's region; null means the functions' region. API Gateway exists in fewer regions than Cloud Functions: for functions in europe-west3, choose e.g. europe-west1."
  type        = string
  default     = null
}

variable "serves_pages" {
  description = "Whether web pages in a browser may call the API, in addition to the shop's servers. If true, OPTIONS needs no API key. The API key of a web page is public: restrict the key to the page's address, and name this address in the setting online.origins."
  type        = bool
  default     = false
}

variable "requests_per_minute" {
  description = "The maximum number of requests per minute from the callers of one project; the gateway answers 429 to more. A caller's project is the project of its API key."
  type        = number
  default     = 6000

  validation {
    condition     = var.requests_per_minute >= 1 && floor(var.requests_per_minute) == var.requests_per_minute
    error_message = "requests_per_minute ${var.requests_per_minute} must be a whole number of at least 1."
  }
}
