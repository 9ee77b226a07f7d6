"""The destinations of the audience: the platforms that run campaigns, a folder of CSV files, and a topic."""
