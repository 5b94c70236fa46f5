"""Read and check dialects: TOML files that say which requests of an API are operations, and where their ids stand."""
