"""Find what a user asks to have explained, and build the explanation."""
