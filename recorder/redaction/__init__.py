"""Replace the values that a policy names by keyed pseudonyms, and scan for what redaction missed. Sans-IO."""
