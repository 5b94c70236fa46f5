"""Guide users: the commands in groups with a line for each, and hints for words that are misspelt or misplaced."""
