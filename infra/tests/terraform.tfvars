# What every test here begins with.

project_id = "shop-prod"
export     = { dataset = "analytics_1" }
# Any file will do: what is in it is of no account here.
bundle = "../main.py"
