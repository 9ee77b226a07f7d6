"""Code of the chain's steps: from refreshed data to a champion, recommendations and scores."""
