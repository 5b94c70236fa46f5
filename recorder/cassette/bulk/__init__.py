"""Read many frames of a sealed cassette at once, for tables of all that it holds."""
