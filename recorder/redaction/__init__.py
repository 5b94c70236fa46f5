"""What must not be kept: found by a policy, replaced by pseudonyms under a key, looked for again by a scan. Sans-IO."""
