# The variables with which every test here begins.

project_id = "shop-prod"
export     = { dataset = "analytics_1" }

# All destinations and the e-mail are on, so that Terraform creates every declared function.
settings = {
  google_ads = { mode = "replace", account = "1234567890", user_list = "987" }
  meta       = { mode = "replace", audience = "1" }
  salesforce = { mode = "replace", subdomain = "mc123", data_extension = "audience" }
  mail       = { mode = "on", relay = "smtp.shop.example:587", sender = "hello@shop.example" }
}
