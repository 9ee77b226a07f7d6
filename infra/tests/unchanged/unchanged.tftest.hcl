# Apply, then plan again. A test cannot ask for a plan's changes, so scripts/check-infra looks for "No changes." in the
# output of the second run. `terraform test` without options does not run the tests of this folder; they need
# `-var-file=tests/terraform.tfvars`.

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
