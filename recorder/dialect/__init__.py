"""What an API calls an operation, and where its ids stand: data read from TOML, checked."""
