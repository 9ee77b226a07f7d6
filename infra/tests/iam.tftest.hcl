# Each function has exactly the permissions that its entry in functions/functions.yaml declares.

mock_provider "google" {
  source = "./tests/mocks"
}

run "everyone_may_do_what_is_declared" {
  command = plan

  assert {
    condition = {
      for role in [google_project_iam_custom_role.table_writer, google_project_iam_custom_role.model_reader, google_project_iam_custom_role.model_writer, google_project_iam_custom_role.object_lister] : role.role_id => role.permissions
      } == {
      propensityTableWriter  = toset(["bigquery.tables.get", "bigquery.tables.getData", "bigquery.tables.updateData"])
      propensityModelReader  = toset(["bigquery.models.getData", "bigquery.models.getMetadata"])
      propensityModelWriter  = toset(["bigquery.models.create", "bigquery.models.export", "bigquery.models.getData", "bigquery.models.getMetadata", "bigquery.models.updateData", "bigquery.models.updateMetadata"])
      propensityObjectLister = toset(["storage.objects.list"])
    }
    error_message = "Roles of our own remove no table and no model, and who lists objects reads none."
  }

  assert {
    condition = toset([for grant in values(google_bigquery_table_iam_member.readers) : [grant.member, grant.table_id, grant.role]]) == toset(flatten([
      for name, function in local.declared.functions : [[for what in function.reads : {
        grant = ["serviceAccount:${replace(name, "_", "-")}@shop-prod.iam.gserviceaccount.com", what, "roles/bigquery.dataViewer"]
      } if fileexists("../sql/tables/${what}.yaml")]]
    ])[*].grant)
    error_message = "A function reads the tables that it declares."
  }

  assert {
    condition = toset([for grant in values(google_bigquery_table_iam_member.writers) : [grant.member, grant.table_id, grant.role]]) == toset(flatten([
      for name, function in local.declared.functions : [[for what in function.writes : {
        grant = ["serviceAccount:${replace(name, "_", "-")}@shop-prod.iam.gserviceaccount.com", what, "projects/shop-prod/roles/propensityTableWriter"]
      } if fileexists("../sql/tables/${what}.yaml")]]
    ])[*].grant)
    error_message = "A function writes the tables that it declares."
  }

  assert {
    condition = toset([for grant in values(google_bigquery_dataset_iam_member.model_readers) : [grant.member, grant.dataset_id, grant.role]]) == toset([
      for name, function in local.declared.functions : ["serviceAccount:${replace(name, "_", "-")}@shop-prod.iam.gserviceaccount.com", "propensity", "projects/shop-prod/roles/propensityModelReader"] if contains(function.reads, "models")
    ])
    error_message = "Who reads models may predict with them, and train none."
  }

  assert {
    condition = toset([for grant in values(google_bigquery_dataset_iam_member.model_writers) : [grant.member, grant.dataset_id, grant.role]]) == toset([
      for name, function in local.declared.functions : ["serviceAccount:${replace(name, "_", "-")}@shop-prod.iam.gserviceaccount.com", "propensity", "projects/shop-prod/roles/propensityModelWriter"] if contains(function.writes, "models")
    ])
    error_message = "Who writes models may train them."
  }

  assert {
    condition = toset([for grant in values(google_bigquery_dataset_iam_member.export_readers) : [grant.member, grant.project, grant.dataset_id, grant.role]]) == toset([
      for name, function in local.declared.functions : ["serviceAccount:${replace(name, "_", "-")}@shop-prod.iam.gserviceaccount.com", "shop-prod", "analytics_1", "roles/bigquery.dataViewer"] if contains(function.reads, "export")
    ])
    error_message = "Who reads the export may read it, and not write it."
  }

  assert {
    condition = toset([for grant in values(google_storage_bucket_iam_member.readers) : [grant.member, grant.role]]) == toset([
      for name, function in local.declared.functions : ["serviceAccount:${replace(name, "_", "-")}@shop-prod.iam.gserviceaccount.com", "roles/storage.objectViewer"] if contains(function.reads, "bucket")
    ])
    error_message = "Who reads the bucket may read it."
  }

  assert {
    condition = toset([for grant in values(google_storage_bucket_iam_member.object_readers) : [grant.member, grant.role, grant.condition[0].expression]]) == toset(flatten([
      for name, function in local.declared.functions : [[for what in function.reads : {
        grant = ["serviceAccount:${replace(name, "_", "-")}@shop-prod.iam.gserviceaccount.com", "roles/storage.objectViewer", replace(
          "resource.name.startsWith(\"projects/_/buckets/shop-prod-propensity-prod/objects/${what}\")", "*", "\") && resource.name.endsWith(\""
        )]
      } if strcontains(what, "/")]]
    ])[*].grant)
    error_message = "Who reads a folder or some objects of the bucket reads these and no others."
  }

  assert {
    condition = toset([for grant in values(google_storage_bucket_iam_member.object_listers) : [grant.member, grant.role]]) == toset([
      for name, function in local.declared.functions : ["serviceAccount:${replace(name, "_", "-")}@shop-prod.iam.gserviceaccount.com", "projects/shop-prod/roles/propensityObjectLister"] if strcontains(join(" ", function.reads), "/")
    ])
    error_message = "Who reads some objects is told which are not there."
  }

  assert {
    condition = toset([for grant in values(google_storage_bucket_iam_member.writers) : [grant.member, grant.role, grant.condition[0].expression]]) == toset(flatten([
      for name, function in local.declared.functions : [[for what in function.writes : {
        grant = ["serviceAccount:${replace(name, "_", "-")}@shop-prod.iam.gserviceaccount.com", "roles/storage.objectUser", "resource.name.startsWith(\"projects/_/buckets/shop-prod-propensity-prod/objects/${what}\")"]
      } if strcontains(what, "/")]]
    ])[*].grant)
    error_message = "Who writes a folder or an object of the bucket may write there and nowhere else."
  }

  assert {
    condition = toset([for grant in values(google_pubsub_topic_iam_member.publishers) : [grant.member, grant.topic, grant.role]]) == toset(flatten([
      for name, function in local.declared.functions : [[for topic in concat(function.emits, try(function.rejects, false) ? ["dead-letters"] : []) : {
        grant = ["serviceAccount:${replace(name, "_", "-")}@shop-prod.iam.gserviceaccount.com", topic, "roles/pubsub.publisher"]
      }]]
    ])[*].grant)
    error_message = "A function publishes what it emits, and to the dead letters what it rejects."
  }

  assert {
    condition = toset([for grant in values(google_secret_manager_secret_iam_member.functions) : [grant.member, grant.secret_id, grant.role]]) == toset(flatten([
      for name, function in local.declared.functions : [[for secret in try(function.secrets, []) : {
        grant = ["serviceAccount:${replace(name, "_", "-")}@shop-prod.iam.gserviceaccount.com", secret, "roles/secretmanager.secretAccessor"]
      }]]
    ])[*].grant)
    error_message = "A function knows the secrets that it declares, and changes none."
  }

  assert {
    condition = { for name, role in google_project_iam_custom_role.functions : name => role.permissions } == {
      for name, function in local.declared.functions : name => toset(function.permissions) if length(function.permissions) > 0
    }
    error_message = "A function has the permissions of the project that it declares."
  }

  assert {
    condition = { for name, grant in google_project_iam_member.permissions : name => [grant.member, grant.role] } == {
      for name, role in google_project_iam_custom_role.functions : name => ["serviceAccount:${replace(name, "_", "-")}@shop-prod.iam.gserviceaccount.com", "projects/shop-prod/roles/${role.role_id}"]
    }
    error_message = "A function's permissions are its own account's."
  }

  assert {
    condition = toset([for grant in values(google_project_iam_member.roles) : [grant.member, grant.role]]) == toset(flatten([
      for name, function in local.declared.functions : [[for role in try(function.roles, []) : {
        grant = ["serviceAccount:${replace(name, "_", "-")}@shop-prod.iam.gserviceaccount.com", role]
      }]]
    ])[*].grant)
    error_message = "A function has the roles on the project that it declares."
  }

  assert {
    condition     = google_project_iam_member.build_source.role == "roles/storage.objectViewer" && google_project_iam_member.build_source.condition[0].expression == "resource.name.startsWith(\"projects/_/buckets/gcf-v2-sources-\")"
    error_message = "The build reads no bucket of ours, and writes none."
  }

  assert {
    condition     = google_artifact_registry_repository_iam_member.build.role == "roles/artifactregistry.writer" && google_project_iam_member.build_logs.role == "roles/logging.logWriter"
    error_message = "The build writes images and logs."
  }

  assert {
    condition     = toset([google_project_iam_member.build_source.member, google_artifact_registry_repository_iam_member.build.member, google_project_iam_member.build_logs.member]) == toset(["serviceAccount:propensity-build@shop-prod.iam.gserviceaccount.com"])
    error_message = "What the build may do is its own account's."
  }
}

run "a_public_export_needs_no_grant" {
  command = plan

  # The run plans only the resources that it checks.
  plan_options {
    target = [google_bigquery_dataset_iam_member.export_readers]
  }

  variables {
    export = { dataset = "analytics_1", project = "bigquery-public-data" }
  }

  assert {
    condition     = length(google_bigquery_dataset_iam_member.export_readers) == 0
    error_message = "Nobody can grant what is Google's."
  }
}

run "an_export_in_another_project_is_granted_there" {
  command = plan

  plan_options {
    target = [google_bigquery_dataset_iam_member.export_readers]
  }

  variables {
    export = { dataset = "analytics_1", project = "shop-analytics" }
  }

  assert {
    condition     = values(google_bigquery_dataset_iam_member.export_readers)[*].project == ["shop-analytics"]
    error_message = "The export's own project lets the function in."
  }
}
