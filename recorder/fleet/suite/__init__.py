"""Keep the cassettes of a test suite in a store: a lock file that names their bytes, and a cache on this machine."""
