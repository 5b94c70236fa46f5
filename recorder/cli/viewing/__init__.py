"""Show what a command does on a page, while it does it."""
