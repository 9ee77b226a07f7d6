# Cloud Build may deploy only if var.deployment is set. Its account then has no basic role, and can make nobody an owner.

mock_provider "google" {
  source = "./tests/mocks"
}

# Each run plans only the resources that it checks.

run "people_deploy_unless_said_otherwise" {
  command = plan

  plan_options {
    target = [google_service_account.deployer, google_project_iam_member.deployer, google_project_iam_member.deployer_grants, google_cloudbuild_trigger.main]
  }

  assert {
    condition     = length(google_service_account.deployer) + length(google_project_iam_member.deployer) + length(google_project_iam_member.deployer_grants) + length(google_cloudbuild_trigger.main) == 0
    error_message = "Without var.deployment there is no account that may deploy."
  }
}

run "cloud_build_deploys_without_a_trigger" {
  command = plan

  plan_options {
    target = [google_service_account.deployer, google_project_iam_member.deployer, google_project_iam_member.deployer_grants, google_cloudbuild_trigger.main]
  }

  variables {
    deployment = {}
  }

  assert {
    condition     = google_service_account.deployer[0].account_id == "propensity-deploy" && length(google_cloudbuild_trigger.main) == 0
    error_message = "The account is the one that cloudbuild.yaml names, and nothing starts a build by itself."
  }

  assert {
    condition     = alltrue([for grant in google_project_iam_member.deployer : grant.member == "serviceAccount:propensity-deploy@shop-prod.iam.gserviceaccount.com" && !contains(["roles/owner", "roles/editor", "roles/viewer"], grant.role)])
    error_message = "The deployer has no basic role."
  }

  assert {
    condition     = alltrue([for grant in google_project_iam_member.deployer : !contains(["roles/resourcemanager.projectIamAdmin", "roles/iam.securityAdmin", "roles/iam.serviceAccountTokenCreator", "roles/iam.serviceAccountKeyAdmin"], grant.role)])
    error_message = "What lets it grant roles has a condition, and it makes neither tokens nor keys."
  }

  assert {
    condition     = [for grant in google_project_iam_member.deployer : grant.role if strcontains(lower(grant.role), "secret")] == ["projects/shop-prod/roles/${google_project_iam_custom_role.secret_keeper[0].role_id}"]
    error_message = "For secrets, the deployer has only our own role."
  }

  assert {
    condition     = google_project_iam_custom_role.secret_keeper[0].permissions == toset([for verb in ["create", "delete", "get", "getIamPolicy", "list", "setIamPolicy", "update"] : "secretmanager.secrets.${verb}"])
    error_message = "This role manages secrets, and cannot read or write their values."
  }

  assert {
    condition = toset(flatten([
      for list in regexall("hasOnly\\(\\[([^]]*)\\]\\)", google_project_iam_member.deployer_grants[0].condition[0].expression) : [
        for role in split(", ", list[0]) : trim(role, "'")
      ]
    ])) == toset(concat([for name, function in local.functions : "projects/shop-prod/roles/propensity_${name}" if length(function.permissions) > 0], flatten([for function in values(local.functions) : try(function.roles, [])]), ["roles/logging.logWriter", "roles/storage.objectViewer"]))
    error_message = "It may grant what the functions and their build have on the project, and nothing else."
  }

  assert {
    condition = alltrue([
      for list in regexall("hasOnly\\(\\[([^]]*)\\]\\)", google_project_iam_member.deployer_grants[0].condition[0].expression) : length(split(", ", list[0])) <= 10
    ])
    error_message = "A list of roles holds ten at most."
  }
}

run "a_push_to_main_is_built" {
  command = plan

  plan_options {
    target = [google_service_account.deployer, google_project_iam_member.deployer, google_project_iam_member.deployer_grants, google_cloudbuild_trigger.main]
  }

  variables {
    environment = "staging"
    deployment  = { repository = "projects/shop-prod/locations/us-central1/connections/github/repositories/propensity", approval = true, state_bucket = "shop-states" }
  }

  assert {
    condition     = google_cloudbuild_trigger.main[0].filename == "cloudbuild.yaml" && google_cloudbuild_trigger.main[0].repository_event_config[0].push[0].branch == "^main$"
    error_message = "A push to main starts cloudbuild.yaml."
  }

  assert {
    condition     = google_cloudbuild_trigger.main[0].substitutions == tomap({ _ENVIRONMENT = "staging", _STATE_BUCKET = "shop-states" })
    error_message = "The build gets its environment and the bucket of the state."
  }

  assert {
    condition     = google_cloudbuild_trigger.main[0].approval_config[0].approval_required
    error_message = "If approval is required, a build waits for it."
  }
}

run "a_repository_elsewhere_is_refused" {
  command = plan

  plan_options {
    target = [google_cloudbuild_trigger.main]
  }

  variables {
    deployment = { repository = "projects/shop-prod/locations/europe-west1/connections/github/repositories/propensity" }
  }

  expect_failures = [var.deployment]
}
