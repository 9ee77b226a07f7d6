"""What the steps of the chain do: from refreshed data to a champion, recommendations and scores."""
