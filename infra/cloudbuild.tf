# The service account that Cloud Build uses to deploy (cloudbuild.yaml), and the trigger that starts a build. A person
# must apply this file, and each later change of the account's permissions, because the account cannot give itself
# permissions.

variable "deployment" {
  description = "Lets Cloud Build deploy; null lets only people deploy. {} makes only the service account. With repository, projects/P/locations/L/connections/C/repositories/R in the functions' region, each push to main starts a build. If approval is true, a person must approve each build. state_bucket is the bucket of Terraform's state, by default PROJECT-terraform."
  type = object({
    repository   = optional(string)
    approval     = optional(bool, false)
    state_bucket = optional(string)
  })
  default = null

  validation {
    condition     = try(var.deployment.repository, null) == null || can(regex("^projects/[^/]+/locations/${local.region}/connections/[^/]+/repositories/[^/]+$", var.deployment.repository))
    error_message = "deployment.repository must be projects/P/locations/${local.region}/connections/C/repositories/R: a trigger accepts only repositories of its own region. `gcloud builds repositories list --connection=C --region=${local.region}` shows them."
  }
}

locals {
  # The account's e-mail address is composed here, so that a plan can show who gets which role.
  deployer = one([for account in google_service_account.deployer : "${account.account_id}@${var.project_id}.iam.gserviceaccount.com"])

  # The roles that Terraform needs for the resources in this folder.
  deployer_roles = toset(var.deployment == null ? [] : concat([for role in google_project_iam_custom_role.secret_keeper : "projects/${var.project_id}/roles/${role.role_id}"], [
    "roles/aiplatform.admin",
    "roles/artifactregistry.admin",
    "roles/bigquery.dataOwner",
    "roles/browser",
    "roles/cloudbuild.builds.editor",
    "roles/cloudfunctions.developer",
    "roles/cloudscheduler.admin",
    "roles/iam.roleAdmin",
    "roles/iam.serviceAccountAdmin",
    "roles/iam.serviceAccountUser",
    "roles/logging.configWriter",
    "roles/logging.logWriter",
    "roles/monitoring.alertPolicyEditor",
    "roles/monitoring.dashboardEditor",
    "roles/monitoring.notificationChannelEditor",
    "roles/pubsub.admin",
    "roles/run.admin",
    "roles/serviceusage.serviceUsageAdmin",
    "roles/storage.admin",
  ]))

  # The roles that the deployer may grant on the project: the project roles of the functions and of their build.
  grantable_roles = sort(distinct(concat(
    [for name in keys(google_project_iam_custom_role.functions) : local.own_roles[name]],
    values(google_project_iam_member.roles)[*].role,
    [google_project_iam_member.build_logs.role, google_project_iam_member.build_source.role],
  )))
}

resource "google_service_account" "deployer" {
  count = var.deployment == null ? 0 : 1

  account_id   = "propensity-deploy"
  display_name = "Deployment by Cloud Build"
  description  = "Applies the branch main and starts a run of the chain."

  depends_on = [google_project_service.apis]
}

# Google's predefined role for secrets would also let the deployer read the secrets' values.
resource "google_project_iam_custom_role" "secret_keeper" {
  count = var.deployment == null ? 0 : 1

  role_id     = "propensitySecretKeeper"
  title       = "Propensity: secrets without their values"
  description = "Creates and deletes secrets and grants access to them; cannot read or write their values."
  permissions = [
    "secretmanager.secrets.create",
    "secretmanager.secrets.delete",
    "secretmanager.secrets.get",
    "secretmanager.secrets.getIamPolicy",
    "secretmanager.secrets.list",
    "secretmanager.secrets.setIamPolicy",
    "secretmanager.secrets.update",
  ]

  depends_on = [google_project_service.apis]
}

resource "google_project_iam_member" "deployer" {
  for_each = local.deployer_roles

  project = var.project_id
  role    = each.key
  member  = "serviceAccount:${local.deployer}"
}

# The condition prevents that somebody is made an owner by mistake. It does not stop an attacker who can use the
# deployer's account. The deployer may change custom roles, so it can add permissions to a role that it may grant.
resource "google_project_iam_member" "deployer_grants" {
  count = var.deployment == null ? 0 : 1

  project = var.project_id
  role    = "roles/resourcemanager.projectIamAdmin"
  member  = "serviceAccount:${local.deployer}"

  condition {
    title = "Only roles that the functions have"
    # A list may contain at most ten roles (UNVERIFIED: Google's own modules split their lists in this way).
    expression = join(" || ", [
      for roles in chunklist(local.grantable_roles, 10) :
      "api.getAttribute('iam.googleapis.com/modifiedGrantsByRole', []).hasOnly([${join(", ", formatlist("'%s'", roles))}])"
    ])
  }
}

resource "google_cloudbuild_trigger" "main" {
  count = try(var.deployment.repository, null) == null ? 0 : 1

  name            = "propensity-deploy"
  location        = local.region
  description     = "Tests, plans and applies each push to main."
  filename        = "cloudbuild.yaml"
  service_account = "projects/${var.project_id}/serviceAccounts/${local.deployer}"
  substitutions   = merge({ _ENVIRONMENT = var.environment }, { for bucket in var.deployment.state_bucket[*] : "_STATE_BUCKET" => bucket })

  repository_event_config {
    repository = var.deployment.repository
    push {
      branch = "^main$"
    }
  }

  approval_config {
    approval_required = var.deployment.approval
  }

  depends_on = [google_project_iam_member.deployer]
}
