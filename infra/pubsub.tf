# Topics, and the push subscriptions that send their events to the functions, with backoff and dead letters.

locals {
  # Pub/Sub's own service account. UNVERIFIED: the account exists as soon as the project has a topic.
  project_number = one([for project in data.google_projects.named.projects : project.number if project.project_id == var.project_id])
  pubsub_agent   = "serviceAccount:service-${local.project_number}@gcp-sa-pubsub.iam.gserviceaccount.com"

  # The subscriptions with a dead-letter topic: all except the subscriptions to the dead-letter topic itself.
  has_dead_letters = { for name, one in local.subscriptions : name => one if one.topic != local.delivery.dead_letter_topic }
}

resource "google_pubsub_topic" "topics" {
  for_each = local.topics

  name   = each.key
  labels = local.labels

  lifecycle {
    precondition {
      condition     = contains(values(local.subscriptions)[*].topic, each.key) || contains(local.declared.public_topics, each.key)
      error_message = "Topic ${each.key} has no subscription, so its messages would be lost: add the topic to a function's topics, or to public_topics, in functions/functions.yaml."
    }
  }

  depends_on = [google_project_service.apis]
}

resource "google_pubsub_subscription" "push" {
  for_each = local.subscriptions

  name                 = each.key
  topic                = google_pubsub_topic.topics[each.value.topic].id
  labels               = local.labels
  ack_deadline_seconds = min(local.functions[each.value.function].timeout_seconds, 600)
  # A dead letter that cannot be stored, such as one without a body, is retried for one day.
  message_retention_duration = "${each.value.topic == local.delivery.dead_letter_topic ? 86400 : 7 * 86400}s"

  # By default, Pub/Sub deletes a subscription after 31 days without activity. A topic may have no messages for longer.
  expiration_policy {
    ttl = ""
  }

  push_config {
    # shared/push.py reads the topic from the path.
    push_endpoint = "${google_cloudfunctions2_function.functions[each.value.function].service_config[0].uri}/projects/${var.project_id}/topics/${each.value.topic}"

    oidc_token {
      service_account_email = google_service_account.push[each.value.function].email
      # Cloud Run accepts only tokens whose audience is the service's URL without a path.
      audience = google_cloudfunctions2_function.functions[each.value.function].service_config[0].uri
    }
  }

  retry_policy {
    minimum_backoff = "${local.delivery.minimum_backoff_seconds}s"
    maximum_backoff = "${local.delivery.maximum_backoff_seconds}s"
  }

  dynamic "dead_letter_policy" {
    for_each = contains(keys(local.has_dead_letters), each.key) ? [local.delivery] : []
    content {
      dead_letter_topic     = google_pubsub_topic.topics[dead_letter_policy.value.dead_letter_topic].id
      max_delivery_attempts = dead_letter_policy.value.max_delivery_attempts
    }
  }
}

resource "google_cloud_run_v2_service_iam_member" "push" {
  for_each = google_service_account.push

  # A function's Cloud Run service has the same name as the function.
  name     = google_cloudfunctions2_function.functions[each.key].name
  location = google_cloudfunctions2_function.functions[each.key].location
  role     = "roles/run.invoker"
  member   = each.value.member
}

# Projects made before April 2021 need this role. In later projects, Pub/Sub may create tokens without this role.
resource "google_service_account_iam_member" "push" {
  for_each = google_service_account.push

  service_account_id = each.value.name
  role               = "roles/iam.serviceAccountOpenIdTokenCreator"
  member             = local.pubsub_agent
}

# After the last attempt, Pub/Sub removes a message from its subscription and publishes it to the dead-letter topic.
resource "google_pubsub_subscription_iam_member" "gives_up" {
  for_each = local.has_dead_letters

  subscription = google_pubsub_subscription.push[each.key].name
  role         = "roles/pubsub.subscriber"
  member       = local.pubsub_agent
}

resource "google_pubsub_topic_iam_member" "dead_letters" {
  topic  = google_pubsub_topic.topics[local.delivery.dead_letter_topic].name
  role   = "roles/pubsub.publisher"
  member = local.pubsub_agent
}

# Publishers outside the chain: a shop publishes checkouts, and a pipeline of the shop publishes refreshed days.
resource "google_pubsub_topic_iam_member" "outside" {
  for_each = merge([for topic, members in var.publishers : { for member in members : "${member} publishes ${topic}" => { topic = topic, member = member } }]...)

  topic  = google_pubsub_topic.topics[each.value.topic].name
  role   = "roles/pubsub.publisher"
  member = each.value.member
}
