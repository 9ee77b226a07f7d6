# Checks settings during the plan by the rules of shared/settings.py: with invalid settings, no function would start.

variable "given" {
  description = "Settings with other values than the defaults in shared/settings.py, by section and name."
  # An object type would drop names that it does not contain, so a misspelt setting would have no effect and no error.
  type = any

  validation {
    condition     = can(keys(var.given))
    error_message = "settings must be an object of sections, e.g. {gate = {min_positives = 50}}."
  }
}

variable "kind" {
  description = "The kind of the export, ga4 or ga360."
  type        = string
}

locals {
  # The settings' rules and defaults as JSON Schema. `scripts/regenerate.py` writes it from `shared/settings.py`.
  schema = jsondecode(file("${path.module}/schema.json"))["$defs"]

  # The settings that other variables set, with the names of these variables.
  decided = {
    project          = "project_id"
    bucket           = "project_id and environment"
    location         = "location"
    dataset          = "dataset"
    "source.dataset" = "export.dataset"
    "source.kind"    = "export.kind"
    "source.project" = "export.project"
    "serving.region" = "serving_region"
  }

  # The schema of each setting by section and name; a setting without a section has the name "".
  sections = {
    for section, rule in local.schema.Settings.properties :
    section => try(local.schema[trimprefix(rule["$ref"], "#/$defs/")].properties, { "" = rule })
  }
  # Rules and values are JSON texts, since a map of Terraform needs values of one type.
  rules = {
    for section, names in local.sections : section => {
      for name, of in names :
      name => jsonencode({ for word, wanted in of : word => wanted if !contains(["default", "description"], word) }) if !contains(keys(local.decided), "${section}.${name}")
    } if !contains(keys(local.decided), section)
  }
  # What each setting must be, in words, for error messages.
  words = { for section, names in local.sections : section => { for name, of in names : name => of.description if can(of.description) } }
  values = flatten([
    for section, value in var.given : [
      for name in(can(local.rules[section]) && !can(local.rules[section][""]) && can(keys(value)) ? keys(value) : [""]) : {
        section = section
        name    = name
        path    = trimsuffix("${section}.${name}", ".")
        value   = name == "" ? jsonencode(value) : jsonencode(value[name])
        rule    = try(local.rules[section][name], null)
      }
    ]
  ])

  unknown = [for one in local.values : one if one.rule == null && !contains(keys(local.decided), one.path)]
  refused = [
    for one in local.values : one if one.rule != null && !try(alltrue([
      for word, wanted in jsondecode(one.rule) :
      word == "type" ? can(regex({ number = "^-?[0-9]", integer = "^-?[0-9]+$", string = "^\"", array = "^\\[" }[wanted], one.value)) :
      word == "enum" ? contains(wanted, jsondecode(one.value)) :
      word == "pattern" ? can(regex(wanted, jsondecode(one.value))) :
      word == "minimum" ? jsondecode(one.value) >= wanted :
      word == "maximum" ? jsondecode(one.value) <= wanted :
      word == "exclusiveMinimum" ? jsondecode(one.value) > wanted :
      word == "minItems" ? length(jsondecode(one.value)) >= wanted :
      word == "items" ? alltrue([
        for item in jsondecode(one.value) : try(contains(wanted.enum, item), can(regex("^\"", jsonencode(item))) && can(regex(try(wanted.pattern, ""), item)))
      ]) :
      false
    ]), false)
  ]

  # Some rules compare several settings. These values are the sections that such rules read: the given settings, and the
  # defaults for settings that are not given.
  defaults = {
    for section in ["google_ads", "label", "mail", "meta", "policy", "salesforce", "serving", "training"] : section => { for name, of in local.sections[section] : name => of.default }
  }
  ads        = try(merge(local.defaults.google_ads, var.given.google_ads), local.defaults.google_ads)
  label      = try(merge(local.defaults.label, var.given.label), local.defaults.label)
  mail       = try(merge(local.defaults.mail, var.given.mail), local.defaults.mail)
  meta       = try(merge(local.defaults.meta, var.given.meta), local.defaults.meta)
  policy     = try(merge(local.defaults.policy, var.given.policy), local.defaults.policy)
  salesforce = try(merge(local.defaults.salesforce, var.given.salesforce), local.defaults.salesforce)
  serving    = try(merge(local.defaults.serving, var.given.serving), local.defaults.serving)
  training   = try(merge(local.defaults.training, var.given.training), local.defaults.training)
}

output "refusals" {
  description = "One sentence for each invalid setting."
  value = concat(
    [for one in local.values : "${one.path} is decided by ${local.decided[one.path]}." if contains(keys(local.decided), one.path)],
    [
      for one in local.unknown : !contains(keys(local.rules), one.section) ? "There is no ${one.path}; there is ${join(", ", keys(local.rules))}." :
      "${one.name == "" ? "${one.section} is a section" : "There is no ${one.path}"}; ${one.section} has ${join(", ", keys(local.rules[one.section]))}."
    ],
    [for one in local.refused : "${one.path} is ${one.value} and must be ${try(local.words[one.section][one.name], "of ${one.rule}")}."],
    # `try` skips values of a wrong type, because they are refused above.
    try(local.policy.coupon_from <= local.policy.coupon_below, true) ? [] : ["policy.coupon_from (${local.policy.coupon_from}) must not be above policy.coupon_below (${local.policy.coupon_below})."],
    try(local.policy.full_price_percent + local.policy.coupon_percent <= 100, true) ? [] : ["policy.full_price_percent (${local.policy.full_price_percent}) and policy.coupon_percent (${local.policy.coupon_percent}) must not be above 100 together."],
    try(local.training.evaluation_share + local.training.test_share < 1, true) ? [] : ["training.evaluation_share (${local.training.evaluation_share}) and training.test_share (${local.training.test_share}) leave nothing to train on: together they must be below 1."],
    try(local.ads.mode == "off" || (local.ads.account != "" && local.ads.user_list != ""), true) ? [] : ["google_ads.account and google_ads.user_list must be set, unless google_ads.mode is off."],
    try(local.meta.mode == "off" || local.meta.audience != "", true) ? [] : ["meta.audience must be set, unless meta.mode is off."],
    try(local.salesforce.mode == "off" || (local.salesforce.subdomain != "" && local.salesforce.data_extension != ""), true) ? [] : ["salesforce.subdomain and salesforce.data_extension must be set, unless salesforce.mode is off."],
    try(local.mail.mode == "off" || (local.mail.relay != "" && local.mail.sender != ""), true) ? [] : ["mail.relay and mail.sender must be set, unless mail.mode is off."],
    try(local.label.event == "purchase" || strcontains(local.label.event, "/") == (var.kind == "ga360"), true) ? [] : ["label.event (${local.label.event}) must be purchase, or ${var.kind == "ga360" ? "category/action of a GA360 event" : "the name of a GA4 event"}."],
  )
}

output "chosen" {
  description = "The settings that Terraform itself uses, with defaults."
  value       = { candidates = local.training.candidates, endpoint_id = local.serving.endpoint_id }
}
