# The refusals of each example.

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
  description = "The examples, refused and accepted."
  value       = local.examples
}

output "refusals" {
  description = "The sentences of each example, by its name."
  value       = { for name, example in module.settings : name => example.refusals }
}
