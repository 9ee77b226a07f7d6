# The rules of shared/settings.py, for whoever sets something in Terraform: what no function would start with is told here.

variable "given" {
  description = "What is decided otherwise than shared/settings.py does: values by name, in sections."
  # An object type would drop what it does not name, so a misspelt setting would do nothing, and silently.
  type = any

  validation {
    condition     = can(keys(var.given))
    error_message = "settings must be an object of sections, e.g. {gate = {min_positives = 50}}."
  }
}

locals {
  # JSON Schema, as `python -m shared.settings` writes it from the functions' own rules and defaults.
  schema = jsondecode(file("${path.module}/schema.json"))["$defs"]

  # What follows from variables of their own.
  decided = ["project", "bucket", "location", "dataset", "source.dataset", "source.kind", "source.project", "serving.region"]

  # Rules and values by the setting's name with its section, e.g. gate.min_roc_auc; in JSON, since each is of another type.
  rules = {
    for one in flatten([
      for section, rule in local.schema.Settings.properties : [
        for name, of in try(local.schema[trimprefix(rule["$ref"], "#/$defs/")].properties, { "" = rule }) :
        { name = trimsuffix("${section}.${name}", "."), rule = jsonencode({ for word, wanted in of : word => wanted if word != "default" }) }
      ]
    ]) : one.name => one.rule if !contains(local.decided, one.name)
  }
  values = {
    for one in flatten([
      for section, value in var.given : [
        for name, of in contains(keys(local.rules), section) ? { "" = jsonencode(value) } : try({ for name, of in value : name => jsonencode(of) }, { "" = "" }) :
        { name = trimsuffix("${section}.${name}", "."), value = of }
      ]
    ]) : one.name => one.value
  }

  unknown = [for name in keys(local.values) : name if !contains(keys(local.rules), name)]
  refused = [
    for name, value in local.values : name
    if contains(keys(local.rules), name) && !try(alltrue([
      for word, wanted in jsondecode(local.rules[name]) :
      word == "type" ? can(regex({ number = "^-?[0-9]", integer = "^-?[0-9]+$", string = "^\"", array = "^\\[" }[wanted], value)) :
      word == "enum" ? contains(wanted, jsondecode(value)) :
      word == "pattern" ? can(regex(wanted, jsondecode(value))) :
      word == "minimum" ? jsondecode(value) >= wanted :
      word == "maximum" ? jsondecode(value) <= wanted :
      word == "exclusiveMinimum" ? jsondecode(value) > wanted :
      word == "minItems" ? length(jsondecode(value)) >= wanted :
      word == "items" ? alltrue([for item in jsondecode(value) : try(contains(wanted.enum, item), can(regex("^\"", jsonencode(item))))]) :
      false
    ]), false)
  ]

  chosen = {
    for section, rule in local.schema.Settings.properties :
    section => try(merge(local.defaults[section], var.given[section]), local.defaults[section]) if can(rule["$ref"])
  }
  defaults = {
    for section, rule in local.schema.Settings.properties :
    section => { for name, of in local.schema[trimprefix(rule["$ref"], "#/$defs/")].properties : name => of.default } if can(rule["$ref"])
  }
  policy   = local.chosen.policy
  training = local.chosen.training
}

output "refusals" {
  description = "A sentence for each setting with which no function would start."
  value = concat(
    [for name in local.unknown : "There is no ${name}; there is ${join(", ", keys(local.rules))}, and ${join(", ", local.decided)} follow from variables of their own."],
    [for name in local.refused : "${name} is ${local.values[name]} and must be of ${local.rules[name]}."],
    # What is no number has been told.
    try(local.policy.coupon_from <= local.policy.coupon_below, true) ? [] : ["policy.coupon_from (${local.policy.coupon_from}) must not be above policy.coupon_below (${local.policy.coupon_below})."],
    try(local.training.evaluation_share + local.training.test_share < 1, true) ? [] : ["training.evaluation_share (${local.training.evaluation_share}) and training.test_share (${local.training.test_share}) leave nothing to train on: together they must be below 1."],
  )
}

output "chosen" {
  description = "What Terraform itself reads from the sections, defaults included."
  value       = { candidates = local.training.candidates, endpoint_id = local.chosen.serving.endpoint_id }
}
