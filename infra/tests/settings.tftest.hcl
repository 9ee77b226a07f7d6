# A plan refuses settings that the functions would refuse, with a sentence for each. The module is tested alone, because
# it needs no cloud.

variables {
  kind = "ga4"
}

run "settings_within_their_rules_will_do" {
  command = plan

  module {
    source = "./settings"
  }

  variables {
    given = {
      source          = { internal_sources = ["intranet.example.com"], max_hits = 300 }
      label           = { kind = "unbounded", event = "generate_lead", min_revenue = 10 }
      gate            = { min_roc_auc = 0.65, min_positives = 50 }
      training        = { candidates = ["baseline"], test_share = 0.1 }
      policy          = { coupon_from = 0.8, coupon_below = 0.8 }
      online          = { order = "endpoint_first", breaker_open_seconds = 0.5, origins = ["https://shop.example", "http://localhost:3000"] }
      recommendations = { methods = [] }
      serving         = { api_endpoint = "", machine_type = "c2-standard-8" }
      wait_seconds    = 300
    }
  }

  assert {
    condition     = output.refusals == [] && output.chosen == { candidates = ["baseline"], endpoint_id = "propensity" }
    error_message = "A setting that is left out has its default."
  }
}

run "nothing_set_will_do" {
  command = plan

  module {
    source = "./settings"
  }

  variables {
    given = {}
  }

  assert {
    condition     = output.refusals == [] && output.chosen == { candidates = ["baseline", "logistic", "boosted_trees"], endpoint_id = "propensity" }
    error_message = "All settings have their defaults."
  }
}

run "settings_that_are_no_object_are_refused" {
  command = plan

  module {
    source = "./settings"
  }

  variables {
    given = "gate.min_positives = 50"
  }

  expect_failures = [var.given]
}

run "settings_that_are_not_there_are_told_with_those_that_are" {
  command = plan

  module {
    source = "./settings"
  }

  variables {
    given = {
      audience             = 3
      gaet                 = {}
      gate                 = { min_positive = 50 }
      gates                = { min_positives = 50 }
      "gate.min_positives" = 50
      label                = {}
      wait_seconds         = { now = 300 }
    }
  }

  assert {
    condition = [for refusal in output.refusals : split("; ", refusal)[0]] == [
      "audience is a section",
      "There is no gaet",
      "There is no gate.min_positive",
      "There is no gate.min_positives",
      "There is no gates",
      "wait_seconds is {\"now\":300} and must be of {\"minimum\":1,\"type\":\"integer\"}.",
    ]
    error_message = "Each is told."
  }

  assert {
    condition     = strcontains(output.refusals[1], "; there is audience, ") && strcontains(output.refusals[2], "; gate has ") && strcontains(output.refusals[2], ", min_positives, ")
    error_message = "The sentence lists the existing names."
  }
}

run "settings_that_have_a_variable_of_their_own_are_told_with_it" {
  command = plan

  module {
    source = "./settings"
  }

  variables {
    given = {
      project  = "shop-prod"
      bucket   = "shop"
      location = "EU"
      dataset  = "shop"
      source   = { dataset = "analytics_1", kind = "ga3", project = "shop-prod", max_hits = 100 }
      serving  = { region = "us-east1" }
    }
  }

  assert {
    condition = output.refusals == [
      "bucket is decided by project_id and environment.",
      "dataset is decided by dataset.",
      "location is decided by location.",
      "project is decided by project_id.",
      "serving.region is decided by serving_region.",
      "source.dataset is decided by export.dataset.",
      "source.kind is decided by export.kind.",
      "source.project is decided by export.project.",
    ]
    error_message = "The sentence names the variable that decides the setting."
  }
}

run "every_other_setting_may_be_given_and_its_rule_is_understood" {
  command = plan

  module {
    source = "./settings"
  }

  variables {
    # All defaults. If the module did not understand a word of a rule, it would refuse every value, and also the default.
    given = merge(
      {
        for section, rule in jsondecode(file("settings/schema.json"))["$defs"].Settings.properties : section => {
          for name, of in jsondecode(file("settings/schema.json"))["$defs"][trimprefix(rule["$ref"], "#/$defs/")].properties : name => of.default
          if !contains(["source.dataset", "source.kind", "source.project", "serving.region"], "${section}.${name}")
        } if can(rule["$ref"])
      },
      {
        for name, rule in jsondecode(file("settings/schema.json"))["$defs"].Settings.properties : name => rule.default
        if !can(rule["$ref"]) && !contains(["project", "bucket", "location", "dataset"], name)
      },
    )
  }

  assert {
    condition     = output.refusals == [] && length(var.given) > 10
    error_message = "No default is refused."
  }
}

run "values_that_break_their_rule_are_told_with_it" {
  command = plan

  module {
    source = "./settings"
  }

  variables {
    given = {
      gate         = { min_positives = 3.5, min_roc_auc = 70 }
      label        = { horizon_days = 0 }
      online       = { order = null, refresh_seconds = 0 }
      policy       = { coupon_from = "half" }
      serving      = { endpoint_id = "Shop endpoint" }
      source       = { internal_sources = [1], max_hits = true }
      training     = { candidates = [] }
      wait_seconds = "300"
    }
  }

  assert {
    condition = [for refusal in output.refusals : replace(refusal, "\"", "'")] == [
      "gate.min_positives is 3.5 and must be of {'minimum':0,'type':'integer'}.",
      "gate.min_roc_auc is 70 and must be of {'maximum':1,'minimum':0,'type':'number'}.",
      "label.horizon_days is 0 and must be of {'maximum':1000,'minimum':1,'type':'integer'}.",
      "online.order is null and must be of {'enum':['embedded_first','endpoint_first']}.",
      "online.refresh_seconds is 0 and must be of {'exclusiveMinimum':0,'maximum':3600,'type':'number'}.",
      "policy.coupon_from is 'half' and must be of {'maximum':1,'minimum':0,'type':'number'}.",
      "serving.endpoint_id is 'Shop endpoint' and must be up to 63 lower-case letters, digits and hyphens, not beginning with a hyphen.",
      "source.internal_sources is [1] and must be of {'items':{'type':'string'},'type':'array'}.",
      "source.max_hits is true and must be of {'minimum':1,'type':'integer'}.",
      replace("training.candidates is [] and must be of {\"items\":{\"enum\":${jsonencode(jsondecode(file("settings/schema.json"))["$defs"].Training.properties.candidates.items.enum)}},\"minItems\":1,\"type\":\"array\"}.", "\"", "'"),
      "wait_seconds is '300' and must be of {'minimum':1,'type':'integer'}.",
    ]
    error_message = "Each sentence repeats the given value."
  }
}

run "a_line_end_behind_a_text_is_refused_as_the_functions_refuse_it" {
  command = plan

  module {
    source = "./settings"
  }

  variables {
    given = {
      online  = { origins = ["https://shop.example", "https://shop.example/\n"] }
      serving = { api_endpoint = "us-central1-aiplatform.googleapis.com\n", endpoint_id = "shop\n", machine_type = "n1-standard-2\n", model_id = "shop\n" }
    }
  }

  assert {
    condition = [for refusal in output.refusals : split(" is ", refusal)[0]] == [
      "online.origins", "serving.api_endpoint", "serving.endpoint_id", "serving.machine_type", "serving.model_id",
    ]
    error_message = "Each is told."
  }
}

run "settings_that_do_not_fit_one_another_are_told" {
  command = plan

  module {
    source = "./settings"
  }

  variables {
    given = { policy = { coupon_from = 0.9 }, training = { candidates = ["boosted_tree"], test_share = 0.8 }, label = { event = "Contact/Form sent" } }
  }

  assert {
    condition = slice(output.refusals, 1, 4) == [
      "policy.coupon_from (0.9) must not be above policy.coupon_below (0.8).",
      "training.evaluation_share (0.2) and training.test_share (0.8) leave nothing to train on: together they must be below 1.",
      "label.event (Contact/Form sent) must be purchase, or the name of a GA4 event.",
    ]
    error_message = "The rule is checked with the default of the missing setting."
  }
}

run "each_rule_over_several_settings_is_the_functions_own" {
  command = plan

  module {
    source = "./tests/together"
  }

  assert {
    condition = alltrue([for name, example in output.examples.refused :
      length(output.refusals[name]) == 1 && alltrue([for setting in example.about : strcontains(join(" ", output.refusals[name]), setting)])
    ])
    error_message = "What breaks a rule is refused once, with the names of its settings."
  }

  assert {
    condition     = alltrue([for name in keys(output.examples.accepted) : output.refusals[name] == []])
    error_message = "Settings that keep the rule are accepted."
  }
}
