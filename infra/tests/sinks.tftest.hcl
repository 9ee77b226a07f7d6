# The log sinks: their filters, their destinations, and the permissions of Cloud Logging there.

mock_provider "google" {
  source = "./tests/mocks"

  # The plan must know this value, because the tests apply nothing.
  mock_resource "google_logging_project_sink" {
    defaults = { writer_identity = "serviceAccount:service-1@gcp-sa-logging.iam.gserviceaccount.com" }
  }
  override_during = plan
}

run "sinks_are_those_that_are_declared" {
  command = plan

  # The run plans only the resources that it checks.
  plan_options {
    target = [google_pubsub_topic_iam_member.sinks, google_bigquery_dataset_iam_member.sinks]
  }

  assert {
    condition = { for name, sink in merge(google_logging_project_sink.topics, google_logging_project_sink.tables) : name => sink.filter } == {
      for name, sink in local.declared.sinks : name => replace(replace(sink.filter, "EXPORT_PROJECT", "shop-prod"), "EXPORT_DATASET", "analytics_1")
    }
    error_message = "Each declared sink is there, with its filter for the export that is read."
  }

  assert {
    condition     = strcontains(google_logging_project_sink.topics["export-loaded"].filter, "\"^projects/shop-prod/datasets/analytics_1/tables/")
    error_message = "Another property's day-tables are not told of."
  }

  assert {
    condition = alltrue([for name, sink in google_logging_project_sink.topics :
      sink.destination == "pubsub.googleapis.com/projects/shop-prod/topics/${local.declared.sinks[name].topic}"
    ])
    error_message = "A sink with a topic publishes there."
  }

  assert {
    condition = alltrue([for name, sink in google_logging_project_sink.topics :
      google_pubsub_topic_iam_member.sinks[name].member == sink.writer_identity &&
      google_pubsub_topic_iam_member.sinks[name].topic == local.declared.sinks[name].topic &&
      google_pubsub_topic_iam_member.sinks[name].role == "roles/pubsub.publisher"
    ])
    error_message = "Its writer may publish to that topic."
  }

  assert {
    condition = alltrue([for name, sink in google_logging_project_sink.tables :
      sink.destination == "bigquery.googleapis.com/projects/shop-prod/datasets/propensity" && sink.bigquery_options[0].use_partitioned_tables
    ])
    error_message = "A sink with a table writes to the dataset, into one partitioned table a log."
  }

  assert {
    condition = alltrue([for name, sink in google_logging_project_sink.tables :
      google_bigquery_dataset_iam_member.sinks[name].member == sink.writer_identity && google_bigquery_dataset_iam_member.sinks[name].role == "projects/shop-prod/roles/propensityLogWriter"
    ])
    error_message = "Its writer has the role for it."
  }

  assert {
    condition     = google_project_iam_custom_role.log_writer.permissions == toset(["bigquery.datasets.get", "bigquery.tables.create", "bigquery.tables.get", "bigquery.tables.list", "bigquery.tables.update", "bigquery.tables.updateData"])
    error_message = "That makes tables and adds rows, and neither reads nor removes any."
  }
}
