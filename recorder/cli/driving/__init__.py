"""Implement what `recorder drive` and `recorder verify` share: options, the checks before the first byte, a run."""
