"""Read and write cassettes that are elsewhere, by their URL."""
