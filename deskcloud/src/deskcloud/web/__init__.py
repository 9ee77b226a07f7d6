"""How the services answer on their ports: access rules, time limits and JSON responses."""
