"""Say what happens in a capture while it grows."""
