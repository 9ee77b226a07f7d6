# Reads the declarations in functions/functions.yaml and sql/tables for all other files of this folder.

variable "declaration" {
  description = "The file with the declarations; only tests use another file."
  type        = string
  default     = "../functions/functions.yaml"
}

locals {
  root     = "${path.module}/.."
  declared = yamldecode(file(var.declaration))

  # The function of a destination exists only if the setting `mode` of the destination is set and not off.
  functions = {
    for name, function in local.declared.functions : name => function
    if !can(function.destination) || try(var.settings[function.destination].mode, "off") != "off"
  }
  sinks     = local.declared.sinks
  schedules = local.declared.schedules
  delivery  = local.declared.delivery

  topics = toset(concat(
    local.declared.public_topics,
    flatten([for function in values(local.functions) : concat(function.topics, function.emits)]),
  ))

  # One subscription per function and topic. The local cloud uses the same names, such as build-features-data-refreshed.
  subscriptions = merge([
    for name, function in local.functions : {
      for topic in function.topics : "${replace(name, "_", "-")}-${topic}" => { function = name, topic = topic }
    }
  ]...)

  relations = {
    for path in fileset("${local.root}/sql/tables", "*.yaml") :
    trimsuffix(path, ".yaml") => yamldecode(file("${local.root}/sql/tables/${path}"))
  }
  tables = { for name, relation in local.relations : name => relation if !can(relation.view) }
  views  = { for name, relation in local.relations : name => relation if can(relation.view) }
}
