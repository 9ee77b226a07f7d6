# The outputs match the resources.

mock_provider "google" {
  source = "./tests/mocks"
}

run "what_a_person_is_told_is_what_was_made" {
  command = plan

  variables {
    settings = { source = { internal_sources = ["the shop's own"] } }
  }

  assert {
    condition     = jsondecode(replace(regex("PROPENSITY_SETTINGS='(.*)'\n", output.env)[0], "'\\''", "'")) == jsondecode(google_cloudfunctions2_function.functions["build_features"].service_config[0].environment_variables.PROPENSITY_SETTINGS)
    error_message = "The command line reads what the functions read, quotes and all."
  }

  assert {
    condition     = output.bundles == join("", [for name, made in google_cloudfunctions2_function.functions : "${name} gs://${google_storage_bucket.source.name}/${made.build_config[0].source[0].storage_source[0].object}\n"])
    error_message = "A line names a function, and its bundle as gcloud storage takes it."
  }

  assert {
    condition     = strcontains(output.env, "GOOGLE_CLOUD_PROJECT=shop-prod\n")
    error_message = "The command names the project."
  }

  assert {
    condition     = keys(output.add_secrets) == keys(google_secret_manager_secret.secrets) && alltrue([for name, command in output.add_secrets : strcontains(command, "versions add ${name} --project=shop-prod")])
    error_message = "Each secret has its command."
  }

  assert {
    condition     = toset(keys(output.score_checkout)) == toset([for name, function in yamldecode(file("../functions/functions.yaml")).functions : name if can(function.http)])
    error_message = "The URLs of all HTTP functions are listed."
  }

  assert {
    condition     = contains(keys(google_pubsub_topic.topics), regex("publish (\\S+)", output.start)[0])
    error_message = "The command for the first run names an existing topic."
  }
}
