"""Build what a page shows of recordings: light rows of all items, blocks of their content, and the problems."""
