# What was applied is planned again: scripts/check-infra looks for "No changes." in what the second run prints.
# A folder of its own, since a test cannot ask for a plan's changes; `terraform test` alone does not look into it, and needs
# `-var-file=tests/terraform.tfvars` to.

mock_provider "google" {
  source = "./tests/mocks"
}

variables {
  alerts     = { email = "shop@example.com" }
  budget     = { billing_account = "012345-6789AB-CDEF01", amount = 200 }
  deployment = {}
  publishers = { "checkout-started" = ["serviceAccount:shop@my-shop.iam.gserviceaccount.com"] }
}

run "applied" {
  command = apply
}

run "planned_again" {
  command = plan
}
