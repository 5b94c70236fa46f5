"""The container: frames with checksums, in a file that a crash cannot spoil. It knows nothing of HTTP or Bayeux."""
