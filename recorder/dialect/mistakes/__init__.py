"""Find the mistakes in a dialect that was read: each with its line, its cause and a proposal."""
