"""What the pytest plugin does, without pytest: settings, stand-ins in a thread, recordings, reports."""
