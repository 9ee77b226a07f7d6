# What every test here begins with.

project_id = "shop-prod"
export     = { dataset = "analytics_1" }
