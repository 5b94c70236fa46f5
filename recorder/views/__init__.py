"""Format recordings for people and programs, as tables, text and JSON; callers print the result."""
