# Who deploys when Cloud Build does (cloudbuild.yaml), and the trigger that starts it. A person applies this first, as no
# account can give itself its rights: so what it may do changes by a person's hand alone, too.

variable "deployment" {
  description = "Has Cloud Build deploy: {} makes its service account; with a repository, projects/P/locations/L/connections/C/repositories/R in the functions' region, each push to main is built, after approval where that is true; state_bucket is where its state lies, if not in PROJECT-terraform. null leaves deployment to people."
  type = object({
    repository   = optional(string)
    approval     = optional(bool, false)
    state_bucket = optional(string)
  })
  default = null

  validation {
    condition     = try(var.deployment.repository, null) == null || can(regex("^projects/[^/]+/locations/${local.region}/connections/[^/]+/repositories/[^/]+$", var.deployment.repository))
    error_message = "deployment.repository must be projects/P/locations/${local.region}/connections/C/repositories/R: a trigger listens to repositories of its own region. `gcloud builds repositories list --connection=C --region=${local.region}` shows them."
  }
}

locals {
  # Named as Google names it, so that a plan shows who may do what.
  deployer = one([for account in google_service_account.deployer : "${account.account_id}@${var.project_id}.iam.gserviceaccount.com"])

  # What Terraform makes here, and no more of each service than making it takes.
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

  # What it may grant on the project: what the functions and their build have there.
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
  description  = "Applies what is on main, and lets the chain make a run."

  depends_on = [google_project_service.apis]
}

# Google's own role for it would let it read the secrets' values as well.
resource "google_project_iam_custom_role" "secret_keeper" {
  count = var.deployment == null ? 0 : 1

  role_id     = "propensitySecretKeeper"
  title       = "Propensity: secrets without their values"
  description = "Makes and removes secrets and says who may read them; reads and writes no value."
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

# It keeps a mistake from making anybody an owner. It is no wall: who may write custom roles may write a strong one.
resource "google_project_iam_member" "deployer_grants" {
  count = var.deployment == null ? 0 : 1

  project = var.project_id
  role    = "roles/resourcemanager.projectIamAdmin"
  member  = "serviceAccount:${local.deployer}"

  condition {
    title = "Only roles that the functions have"
    # A list holds ten at most (UNVERIFIED: so Google's own modules cut theirs).
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
  description     = "Tests, plans and applies what is pushed to main."
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
