"""Show single records with the exchange that they belong to: for people, and as JSON for programs."""
