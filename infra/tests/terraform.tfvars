# What every test here begins with.

project_id = "shop-prod"
export     = { dataset = "analytics_1" }

# All destinations are on, so each declared function is made.
settings = {
  google_ads = { mode = "replace", account = "1234567890", user_list = "987" }
  meta       = { mode = "replace", audience = "1" }
}
