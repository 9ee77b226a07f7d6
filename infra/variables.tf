variable "project_id" {
  description = "The id of the Google Cloud project for all resources."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project_id))
    error_message = "project_id \"${var.project_id}\" is not a project id: use 6 to 30 lower-case letters, digits and hyphens, beginning with a letter. `gcloud projects list` shows yours."
  }
}

variable "environment" {
  description = "The name of the environment, such as prod or staging. The bucket's name contains it, so two environments never share a bucket."
  type        = string
  default     = "prod"

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{1,11}$", var.environment))
    error_message = "environment \"${var.environment}\" must be 2 to 12 lower-case letters and digits, beginning with a letter, e.g. prod or staging."
  }
}

variable "location" {
  description = "The location of the data in BigQuery and Cloud Storage: a multi-region or a region. It must be the export's location."
  type        = string
  default     = "US"

  validation {
    condition     = can(regex("^(US|EU|[a-z]+-[a-z]+[0-9]+)$", var.location))
    error_message = "location \"${var.location}\" must be US, EU or a region such as europe-west3."
  }
}

variable "dataset" {
  description = "The BigQuery dataset for the tables and models of the chain."
  type        = string
  default     = "propensity"

  validation {
    condition     = can(regex("^[A-Za-z_][A-Za-z0-9_]{0,127}$", var.dataset))
    error_message = "dataset \"${var.dataset}\" must consist of letters, digits and underscores, and must not begin with a digit."
  }
}

variable "export" {
  description = "The Google Analytics export that the chain reads: its dataset, its kind (ga4 or ga360), and its project if that is not project_id."
  type = object({
    dataset = string
    kind    = optional(string, "ga4")
    project = optional(string)
  })

  validation {
    condition     = contains(["ga4", "ga360"], var.export.kind)
    error_message = "export.kind \"${var.export.kind}\" must be ga4 (tables events_*) or ga360 (tables ga_sessions_*)."
  }

  validation {
    condition     = var.export.project == null || can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.export.project))
    error_message = "export.project \"${coalesce(var.export.project, "null")}\" is not a project id: use 6 to 30 lower-case letters, digits and hyphens, beginning with a letter. Leave it out if the export is in project_id."
  }

  validation {
    condition     = can(regex("^[A-Za-z0-9_]+$", var.export.dataset))
    error_message = "export.dataset \"${var.export.dataset}\" is not a dataset: use letters, digits and underscores, without the project, which is export.project."
  }

  validation {
    condition     = var.export.dataset != var.dataset || coalesce(var.export.project, var.project_id) != var.project_id
    error_message = "export.dataset and dataset are both \"${var.dataset}\": the chain must not write to the dataset of Google Analytics. Give dataset another name."
  }
}

variable "settings" {
  description = "Settings with other values than the defaults in shared/settings.py, under the same names, e.g. {gate = {min_positives = 50}}."
  # The module `settings` explains why this is not an object type, and refuses settings with which no function would start.
  type     = any
  default  = {}
  nullable = false
}

variable "max_instances" {
  description = "The maximum number of instances of functions that answer several requests at once, e.g. {score_checkout = 50}. The default is the number in functions/functions.yaml. Google refuses a number above the region's CPU quota, which is ten in new projects."
  type        = map(number)
  default     = {}
  nullable    = false

  validation {
    condition     = length(setsubtract(keys(var.max_instances), keys(local.scalable))) == 0
    error_message = "max_instances: ${join(", ", setsubtract(keys(var.max_instances), keys(local.scalable)))} cannot be set; ${join(" and ", keys(local.scalable))} can. All other functions answer one event at a time, and functions/functions.yaml sets their number of instances."
  }

  validation {
    condition     = alltrue([for number in values(var.max_instances) : number >= 1 && floor(number) == number])
    error_message = "max_instances must be whole numbers of at least 1."
  }
}

variable "publishers" {
  description = "The accounts outside the chain that may publish to an inbound topic, e.g. {\"checkout-started\" = [\"serviceAccount:shop@my-shop.iam.gserviceaccount.com\"]}."
  type        = map(set(string))
  default     = {}
  nullable    = false

  validation {
    condition     = length(setsubtract(keys(var.publishers), local.declared.inbound_topics)) == 0
    error_message = "publishers: ${join(", ", setsubtract(keys(var.publishers), local.declared.inbound_topics))} cannot receive messages from outside; only ${join(", ", local.declared.inbound_topics)} can."
  }

  validation {
    condition     = alltrue([for member in flatten([for members in values(var.publishers) : tolist(members)]) : can(regex("^(serviceAccount|user|group):[^@]+@[^@]+$", member))])
    error_message = "publishers must be of the form serviceAccount:NAME@PROJECT.iam.gserviceaccount.com, user:MAIL or group:MAIL."
  }
}

variable "protect_data" {
  description = "Whether `terraform destroy` must fail instead of deleting the dataset, its tables, the bucket and the secrets. A new run cannot restore their content: published audiences, predictions, models, the ledger, the key of the pseudonyms. Do not delete a single table either: other tables would still record that its days are built."
  type        = bool
  default     = true
}

variable "kms_key" {
  description = "Your Cloud KMS key for the dataset and the bucket, projects/P/locations/L/keyRings/R/cryptoKeys/K, in the data's location; null means Google's keys. Pub/Sub, secrets, logs, functions and the endpoint do not use this key, since they need keys in other locations. The export must not be encrypted with your key: BigQuery refuses wildcard queries on such tables."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key == null || can(regex("^projects/[^/]+/locations/${local.kms_location}/keyRings/[^/]+/cryptoKeys/[^/]+$", var.kms_key))
    error_message = "kms_key must be projects/P/locations/${local.kms_location}/keyRings/R/cryptoKeys/K: data in ${var.location} needs a key in ${local.kms_location}."
  }
}
