# Each function's trigger, backoff and dead letters follow from functions/functions.yaml.

mock_provider "google" {
  source = "./tests/mocks"
}

run "what_is_declared_delivers" {
  command = apply

  # The run plans only the resources that it checks.
  plan_options {
    target = [google_pubsub_subscription_iam_member.gives_up, google_pubsub_topic_iam_member.dead_letters, google_cloud_run_v2_service_iam_member.push, google_service_account_iam_member.push, google_cloud_scheduler_job.schedules]
  }

  assert {
    condition = toset(keys(google_pubsub_subscription.push)) == toset(flatten([
      for name, function in local.declared.functions : [for topic in function.topics : "${replace(name, "_", "-")}-${topic}"]
    ]))
    error_message = "Each topic that a function listens to has one subscription, named as the local cloud names it."
  }

  assert {
    condition = alltrue(flatten([for name, function in local.declared.functions : [for topic in function.topics :
      google_pubsub_subscription.push["${replace(name, "_", "-")}-${topic}"].topic == google_pubsub_topic.topics[topic].id
    ]]))
    error_message = "A subscription brings its own topic's events."
  }

  assert {
    condition = alltrue(flatten([for name, function in local.declared.functions : [for topic in function.topics :
      google_pubsub_subscription.push["${replace(name, "_", "-")}-${topic}"].push_config[0].push_endpoint == "${google_cloudfunctions2_function.functions[name].service_config[0].uri}/projects/shop-prod/topics/${topic}"
    ]]))
    error_message = "A subscription pushes to its function, with the topic's path, which functions-framework takes the topic from."
  }

  assert {
    condition = alltrue(flatten([for name, function in local.declared.functions : [for topic in function.topics : alltrue([
      for token in [google_pubsub_subscription.push["${replace(name, "_", "-")}-${topic}"].push_config[0].oidc_token[0]] :
      token.service_account_email == google_service_account.push[name].email && token.audience == google_cloudfunctions2_function.functions[name].service_config[0].uri
    ])]]))
    error_message = "Pub/Sub shows the token of that function's caller, made out to that function."
  }

  assert {
    condition = alltrue(flatten([for name, function in local.declared.functions : [for topic in function.topics :
      google_pubsub_subscription.push["${replace(name, "_", "-")}-${topic}"].ack_deadline_seconds == function.timeout_seconds
    ]]))
    error_message = "A function has its whole timeout to answer."
  }

  assert {
    condition = alltrue([for made in values(google_pubsub_subscription.push) :
      made.retry_policy[0].minimum_backoff == "10s" && made.retry_policy[0].maximum_backoff == "600s" && made.expiration_policy[0].ttl == ""
    ])
    error_message = "What fails comes again, later and later, and no subscription expires."
  }

  assert {
    condition     = { for name, made in google_pubsub_subscription.push : name => made.message_retention_duration if made.message_retention_duration != "604800s" } == { "record-dead-letter-dead-letters" = "86400s" }
    error_message = "Messages wait for a week, dead letters for a day."
  }

  assert {
    condition = alltrue([for name, made in google_pubsub_subscription.push :
      name == "record-dead-letter-dead-letters" ? length(made.dead_letter_policy) == 0 : made.dead_letter_policy[0].max_delivery_attempts == local.declared.delivery.max_delivery_attempts
    ])
    error_message = "All have dead letters, but the subscription that brings these."
  }

  assert {
    condition = toset(flatten([for made in values(google_pubsub_subscription.push) : made.dead_letter_policy[*].dead_letter_topic])) == toset([
      google_pubsub_topic.topics[local.declared.delivery.dead_letter_topic].id
    ])
    error_message = "Dead letters go to their own topic."
  }

  assert {
    condition = { for name, grant in google_cloud_run_v2_service_iam_member.push : name => [grant.name, grant.role, grant.member] } == {
      for name, function in local.declared.functions : name => [replace(name, "_", "-"), "roles/run.invoker", google_service_account.push[name].member] if length(function.topics) > 0
    }
    error_message = "A function that listens is called by its own caller alone."
  }

  assert {
    condition = { for name, grant in google_service_account_iam_member.push : name => [grant.service_account_id, grant.role, grant.member] } == {
      for name, caller in google_service_account.push : name => [caller.name, "roles/iam.serviceAccountOpenIdTokenCreator", google_pubsub_topic_iam_member.dead_letters.member]
    }
    error_message = "Pub/Sub makes tokens of a caller, and changes no account."
  }

  assert {
    condition = toset([for grant in values(google_pubsub_subscription_iam_member.gives_up) : [grant.subscription, grant.role]]) == toset([
      for name in keys(google_pubsub_subscription.push) : [name, "roles/pubsub.subscriber"] if name != "record-dead-letter-dead-letters"
    ])
    error_message = "Pub/Sub takes what it gives up off each subscription with dead letters."
  }

  assert {
    condition = alltrue([for grant in concat(values(google_pubsub_subscription_iam_member.gives_up), [google_pubsub_topic_iam_member.dead_letters]) :
      grant.member == "serviceAccount:service-123456789@gcp-sa-pubsub.iam.gserviceaccount.com"
    ])
    error_message = "It is Google's own account of this project that gives up."
  }

  assert {
    condition     = google_pubsub_topic_iam_member.dead_letters.topic == local.declared.delivery.dead_letter_topic && google_pubsub_topic_iam_member.dead_letters.role == "roles/pubsub.publisher"
    error_message = "What is given up becomes a dead letter."
  }

  assert {
    condition = { for name, job in google_cloud_scheduler_job.schedules : name => [job.schedule, job.time_zone, job.pubsub_target[0].topic_name, base64decode(job.pubsub_target[0].data)] } == {
      for name, schedule in local.declared.schedules : name => [schedule.cron, schedule.time_zone, google_pubsub_topic.topics[schedule.topic].id, jsonencode(schedule.body)]
    }
    error_message = "Each schedule publishes its body to its topic at its time."
  }
}

run "those_outside_publish_where_they_are_let" {
  command = plan

  plan_options {
    target = [google_pubsub_topic_iam_member.outside]
  }

  variables {
    publishers = {
      "checkout-started" = ["serviceAccount:shop@my-shop.iam.gserviceaccount.com"]
      "data-refreshed"   = ["serviceAccount:shop@my-shop.iam.gserviceaccount.com", "group:data@example.com"]
    }
  }

  assert {
    condition = toset([for grant in values(google_pubsub_topic_iam_member.outside) : [grant.topic, grant.role, grant.member]]) == toset([
      ["checkout-started", "roles/pubsub.publisher", "serviceAccount:shop@my-shop.iam.gserviceaccount.com"],
      ["data-refreshed", "roles/pubsub.publisher", "serviceAccount:shop@my-shop.iam.gserviceaccount.com"],
      ["data-refreshed", "roles/pubsub.publisher", "group:data@example.com"],
    ])
    error_message = "Each may publish to its topics."
  }
}
