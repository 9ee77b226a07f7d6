# Only the declaration names functions, topics and other resources: with another declaration, Terraform creates others.

mock_provider "google" {
  source = "./tests/mocks"
}

run "another_shop_has_what_it_declares_and_nothing_of_ours" {
  command = plan

  variables {
    declaration = "tests/declarations/of_another_shop.yaml"
  }

  assert {
    condition     = keys(google_cloudfunctions2_function.functions) == ["count_greetings", "greet", "keep_letters"] && keys(google_service_account.functions) == keys(google_cloudfunctions2_function.functions)
    error_message = "Functions and their accounts are those of the declaration."
  }

  assert {
    condition = { for name, made in google_cloudfunctions2_function.functions : name => split("-", made.build_config[0].source[0].storage_source[0].object)[0] } == {
      count_greetings = "chain", greet = "checkout", keep_letters = "chain"
    }
    error_message = "Each function is built from the bundle that its entry names."
  }

  assert {
    condition     = keys(google_pubsub_topic.topics) == ["counted", "counting-due", "greeted", "letters"]
    error_message = "Topics are those of the declaration."
  }

  assert {
    condition     = keys(google_pubsub_subscription.push) == ["count-greetings-counting-due", "count-greetings-greeted", "keep-letters-letters"]
    error_message = "Subscriptions are those of the declaration."
  }

  assert {
    condition     = keys(google_cloud_scheduler_job.schedules) == ["nightly"] && keys(google_logging_project_sink.topics) == ["visits"] && length(google_logging_project_sink.tables) == 0
    error_message = "Schedules and sinks are those of the declaration."
  }

  assert {
    condition     = keys(google_secret_manager_secret.secrets) == ["VISITORS_KEY"] && keys(output.score_checkout) == ["greet"]
    error_message = "Secrets and HTTP functions are those of the declaration."
  }

  assert {
    condition     = google_pubsub_topic_iam_member.dead_letters.topic == "letters" && google_pubsub_subscription.push["keep-letters-letters"].message_retention_duration == "86400s"
    error_message = "Dead-letter topics are those of the declaration."
  }

  assert {
    condition = alltrue([for made in values(google_pubsub_subscription.push) :
      made.retry_policy[0].minimum_backoff == "20s" && made.retry_policy[0].maximum_backoff == "300s" && alltrue([for one in made.dead_letter_policy : one.max_delivery_attempts == 7])
    ])
    error_message = "Backoff and attempts are those of the declaration."
  }
}
