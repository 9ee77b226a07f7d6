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

variable "location" {
  description = "Where BigQuery and Cloud Storage keep the data: a multi-region or a region, the same as the export's."
  type        = string
  default     = "US"

  validation {
    condition     = can(regex("^(US|EU|[a-z]+-[a-z]+[0-9]+)$", var.location))
    error_message = "location \"${var.location}\" must be US, EU or a region as europe-west3 is one."
  }
}

variable "dataset" {
  description = "The BigQuery dataset that the chain keeps its tables and models in."
  type        = string
  default     = "propensity"

  validation {
    condition     = can(regex("^[A-Za-z_][A-Za-z0-9_]{0,127}$", var.dataset))
    error_message = "dataset \"${var.dataset}\" must be letters, digits and underscores, beginning with no digit."
  }
}

variable "export" {
  description = "The Google Analytics export that is read: its dataset, its kind (ga4 or ga360) and its project, where that is another one."
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
    error_message = "export.project \"${coalesce(var.export.project, "null")}\" is no project id: 6 to 30 lower-case letters, digits and hyphens, beginning with a letter. Leave it out where the export lies in project_id."
  }

  validation {
    condition     = can(regex("^[A-Za-z0-9_]+$", var.export.dataset))
    error_message = "export.dataset \"${var.export.dataset}\" is no dataset: letters, digits and underscores, without its project, which is export.project."
  }

  validation {
    condition     = var.export.dataset != var.dataset || coalesce(var.export.project, var.project_id) != var.project_id
    error_message = "export.dataset and dataset are both \"${var.dataset}\": the chain must not write where Google Analytics does. Give dataset another name."
  }
}

variable "settings" {
  description = "What this environment decides otherwise than shared/settings.py does, by the same names, e.g. {gate = {min_positives = 50}}."
  # Module settings says why it is no object type, and refuses what no function would start with.
  type     = any
  default  = {}
  nullable = false
}

variable "max_instances" {
  description = "How many instances a function that answers several requests at once may have, where that is not functions/functions.yaml's number, e.g. {score_checkout = 50}. Google refuses more than the region's quota of processors allows, which is ten in new projects."
  type        = map(number)
  default     = {}
  nullable    = false

  validation {
    condition     = length(setsubtract(keys(var.max_instances), keys(local.scalable))) == 0
    error_message = "max_instances: ${join(", ", setsubtract(keys(var.max_instances), keys(local.scalable)))} cannot be set; ${join(" and ", keys(local.scalable))} can. Other functions answer one event at a time, in as many instances as functions/functions.yaml says."
  }

  validation {
    condition     = alltrue([for number in values(var.max_instances) : number >= 1 && floor(number) == number])
    error_message = "max_instances must be whole numbers of at least 1."
  }
}

variable "publishers" {
  description = "Who outside may publish to an inbound topic, e.g. {\"checkout-started\" = [\"serviceAccount:shop@my-shop.iam.gserviceaccount.com\"]}."
  type        = map(set(string))
  default     = {}
  nullable    = false

  validation {
    condition     = length(setsubtract(keys(var.publishers), local.declared.inbound_topics)) == 0
    error_message = "publishers: ${join(", ", setsubtract(keys(var.publishers), local.declared.inbound_topics))} is not for those outside; ${join(" and ", local.declared.inbound_topics)} are."
  }

  validation {
    condition     = alltrue([for member in flatten([for members in values(var.publishers) : tolist(members)]) : can(regex("^(serviceAccount|user|group):[^@]+@[^@]+$", member))])
    error_message = "publishers must be of the form serviceAccount:NAME@PROJECT.iam.gserviceaccount.com, user:MAIL or group:MAIL; nobody else may publish."
  }
}

variable "protect_data" {
  description = "Whether the dataset with its tables, the bucket and the secrets outlive `terraform destroy`, which then says so and fails on them. They hold what no rerun brings back: the audiences published, the predictions, the models, the ledger, the key of the pseudonyms. Removing one table alone would leave the others saying that its days are built."
  type        = bool
  default     = true
}

variable "kms_key" {
  description = "A Cloud KMS key of one's own, projects/P/locations/L/keyRings/R/cryptoKeys/K, in the data's location, for dataset and bucket; null leaves it to Google. It covers neither Pub/Sub, secrets, logs, functions nor the endpoint, whose keys lie in other places. BigQuery refuses wildcard queries on tables under such a key, so the export must have none."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key == null || can(regex("^projects/[^/]+/locations/${local.kms_location}/keyRings/[^/]+/cryptoKeys/[^/]+$", var.kms_key))
    error_message = "kms_key must be projects/P/locations/${local.kms_location}/keyRings/R/cryptoKeys/K: data in ${var.location} takes a key in ${local.kms_location} only."
  }
}
