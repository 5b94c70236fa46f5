"""Read and write cassette files: frames with checksums that survive a crash, without knowledge of HTTP or Bayeux."""
