# Each function is deployed as functions/functions.yaml declares it, from its bundle, which is named for its content.

mock_provider "google" {
  source = "./tests/mocks"
}

run "functions_are_those_that_are_declared" {
  command = plan

  assert {
    condition     = keys(google_cloudfunctions2_function.functions) == keys(local.declared.functions)
    error_message = "Each declared function is deployed, and no other."
  }

  assert {
    condition = alltrue([for name, made in google_cloudfunctions2_function.functions :
      made.name == replace(name, "_", "-") && made.build_config[0].entry_point == name && made.build_config[0].runtime == "python313"
    ])
    error_message = "A function is deployed in kebab-case, enters where its file is named, and runs on Python 3.13."
  }

  assert {
    condition = toset(flatten([for function in values(local.declared.functions) : keys(function)])) == toset([
      "does", "requirements", "http", "topics", "emits", "memory", "cpu", "concurrency", "timeout_seconds", "max_instances", "min_instances",
      "reads", "writes", "rejects", "permissions", "roles", "secrets", "destination",
    ])
    error_message = "Each name that is declared of a function is one that the tests here, of access or of delivery look for."
  }

  assert {
    condition = alltrue([for name, made in google_cloudfunctions2_function.functions : alltrue([
      made.description == local.declared.functions[name].does,
      made.service_config[0].available_memory == local.declared.functions[name].memory,
      made.service_config[0].timeout_seconds == local.declared.functions[name].timeout_seconds,
      made.service_config[0].max_instance_count == local.declared.functions[name].max_instances,
      made.service_config[0].min_instance_count == try(local.declared.functions[name].min_instances, 0),
    ])])
    error_message = "Description, memory, time and instances are the declared ones."
  }

  assert {
    condition = alltrue([for name, made in google_cloudfunctions2_function.functions :
      made.service_config[0].max_instance_request_concurrency == try(local.declared.functions[name].concurrency, 1) &&
      made.service_config[0].environment_variables.THREADS == tostring(made.service_config[0].max_instance_request_concurrency)
    ])
    error_message = "A function has a thread for each request that Cloud Run sends it at once."
  }

  assert {
    condition = alltrue([for name, function in local.declared.functions :
      google_cloudfunctions2_function.functions[name].service_config[0].available_cpu == tostring(function.cpu) if can(function.cpu)
    ])
    error_message = "Processors are the declared ones."
  }

  assert {
    condition = alltrue([for name, made in google_cloudfunctions2_function.functions :
      tonumber(made.service_config[0].available_cpu) >= 1 if made.service_config[0].max_instance_request_concurrency > 1
    ])
    error_message = "Who answers several requests at once has a whole processor, which Cloud Run asks for."
  }

  assert {
    condition = alltrue([for name, made in google_cloudfunctions2_function.functions :
      made.service_config[0].ingress_settings == (can(local.declared.functions[name].http) ? "ALLOW_ALL" : "ALLOW_INTERNAL_ONLY")
    ])
    error_message = "Only what answers HTTP can be reached from outside the project."
  }

  assert {
    condition = alltrue([for name, made in google_cloudfunctions2_function.functions :
      made.service_config[0].service_account_email == "${google_service_account.functions[name].account_id}@shop-prod.iam.gserviceaccount.com"
    ]) && length(distinct(values(google_cloudfunctions2_function.functions)[*].service_config[0].service_account_email)) == length(local.declared.functions)
    error_message = "Each function runs as an account of its own."
  }

  assert {
    condition = alltrue([for name, made in google_cloudfunctions2_function.functions :
      toset([for secret in made.service_config[0].secret_environment_variables : [secret.key, secret.project_id, secret.secret]]) == toset([
        for secret in try(local.declared.functions[name].secrets, []) : [secret, "shop-prod", secret]
      ])
    ])
    error_message = "A function is given the secrets that it declares, each under its own name, and no other."
  }

  assert {
    condition = alltrue([for made in values(google_cloudfunctions2_function.functions) :
      toset(keys(made.service_config[0].environment_variables)) == toset(["GOOGLE_CLOUD_PROJECT", "PROPENSITY_SETTINGS", "THREADS"]) &&
      made.service_config[0].environment_variables.GOOGLE_CLOUD_PROJECT == "shop-prod" &&
      jsondecode(made.service_config[0].environment_variables.PROPENSITY_SETTINGS).bucket == google_storage_bucket.runs.name
    ])
    error_message = "Functions are told their project, their settings, their threads and nothing else."
  }

  assert {
    condition     = alltrue([for made in values(google_cloudfunctions2_function.functions) : length(made.event_trigger) == 0])
    error_message = "Events come by subscriptions of our own, which have dead letters."
  }

  assert {
    condition     = alltrue([for made in values(google_cloudfunctions2_function.functions) : made.build_config[0].service_account == "projects/shop-prod/serviceAccounts/propensity-build@shop-prod.iam.gserviceaccount.com"])
    error_message = "The build runs as an account of its own."
  }

  assert {
    condition = alltrue([for name, made in google_cloudfunctions2_function.functions :
      made.build_config[0].source[0].storage_source[0].object == "${local.declared.functions[name].requirements}-${filesha256("../dist/${local.declared.functions[name].requirements}.zip")}.zip"
    ])
    error_message = "A function is built from the bundle with its requirements, which is named for its content."
  }
}

run "what_terraform_decides_reaches_the_functions_beside_the_shops_settings" {
  command = plan

  plan_options {
    target = [google_cloudfunctions2_function.functions]
  }

  variables {
    dataset  = "shop"
    location = "US"
    export   = { dataset = "analytics_1", kind = "ga360", project = "bigquery-public-data" }
    settings = { source = { max_hits = 100 }, serving = { max_replicas = 5 }, wait_seconds = 300 }
  }

  assert {
    condition = jsondecode(google_cloudfunctions2_function.functions["build_features"].service_config[0].environment_variables.PROPENSITY_SETTINGS) == {
      bucket       = "shop-prod-propensity-prod"
      dataset      = "shop"
      location     = "US"
      serving      = { region = "us-central1", max_replicas = 5 }
      source       = { dataset = "analytics_1", kind = "ga360", project = "bigquery-public-data", max_hits = 100 }
      wait_seconds = 300
    }
    error_message = "Both are merged."
  }

  assert {
    condition     = setsubtract(keys(local.declared.functions), keys(google_cloudfunctions2_function.functions)) == toset(["message_customer", "send_to_google_ads", "send_to_meta", "send_to_salesforce"])
    error_message = "The functions of destinations that are off are left out."
  }
}

run "a_shop_with_the_quota_for_it_scales_further" {
  command = plan

  plan_options {
    target = [google_cloudfunctions2_function.functions]
  }

  variables {
    max_instances = { score_checkout = 50 }
  }

  assert {
    condition = { for name, made in google_cloudfunctions2_function.functions : name => made.service_config[0].max_instance_count } == merge(
      { for name, function in local.declared.functions : name => function.max_instances }, { score_checkout = 50 },
    )
    error_message = "The function named has as many instances as it is given, the others as many as are declared."
  }

  assert {
    condition     = alltrue([for function in values(local.declared.functions) : function.max_instances <= 10])
    error_message = "Without it, each function has what a new project may have."
  }
}

run "after_a_rollback_each_function_of_before_is_built_from_its_former_bundle" {
  command = plan

  plan_options {
    target = [google_cloudfunctions2_function.functions]
  }

  variables {
    # Before the rollback, score_checkout was built from the chain's bundle, and on_checkout did not exist.
    former = merge({ for name in keys(yamldecode(file("../functions/functions.yaml")).functions) : name => "chain-1a.zip" if name != "on_checkout" }, { gone = "gone-2b.zip" })
  }

  assert {
    condition = { for name, made in google_cloudfunctions2_function.functions : name => made.build_config[0].source[0].storage_source[0].object } == {
      for name in keys(local.declared.functions) : name => name == "on_checkout" ? "chain-${filesha256("../dist/chain.zip")}.zip" : "chain-1a.zip"
    }
    error_message = "It does not matter which requirements a function has now; a new function keeps its bundle."
  }

  assert {
    condition = { for object, made in google_storage_bucket_object.bundles : made.name => made.source } == {
      "chain-1a.zip" = "../dist/former/chain-1a.zip", "chain-${filesha256("../dist/chain.zip")}.zip" = "../dist/chain.zip"
    }
    error_message = "What a function is built from is uploaded, and nothing else."
  }
}

run "a_missing_bundle_is_refused" {
  command = plan

  # The run plans only the resources that it checks.
  plan_options {
    target = [google_storage_bucket_object.bundles]
  }

  variables {
    bundles = "../no-such"
  }

  expect_failures = [var.bundles]
}

run "an_object_that_no_condition_can_name_is_refused" {
  command = plan

  plan_options {
    target = [google_storage_bucket_iam_member.object_readers]
  }

  variables {
    declaration = "tests/declarations/object_by_two_stars.yaml"
  }

  expect_failures = [google_storage_bucket_iam_member.object_readers["curious reads runs/*/parts/*.json"]]
}

run "a_function_without_a_trigger_is_refused" {
  command = plan

  plan_options {
    target = [google_cloudfunctions2_function.functions]
  }

  variables {
    declaration = "tests/declarations/function_without_trigger.yaml"
  }

  expect_failures = [google_cloudfunctions2_function.functions["idle"]]
}

run "a_topic_without_a_reader_is_refused" {
  command = plan

  plan_options {
    target = [google_pubsub_topic.topics]
  }

  variables {
    declaration = "tests/declarations/topic_without_reader.yaml"
  }

  expect_failures = [google_pubsub_topic.topics["forgotten"]]
}
