# Returns the sentences with which the module `settings` refuses each example of examples.yaml.

locals {
  examples = yamldecode(file("${path.module}/examples.yaml"))
}

module "settings" {
  source   = "../../settings"
  for_each = merge(local.examples.refused, local.examples.accepted)

  given = each.value.settings
  kind  = each.value.kind
}

output "examples" {
  description = "The examples of examples.yaml, by `refused` and `accepted`."
  value       = local.examples
}

output "refusals" {
  description = "The sentences about each example, by the example's name."
  value       = { for name, example in module.settings : name => example.refusals }
}
