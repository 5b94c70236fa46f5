"""The work of the pytest plugin, without pytest: settings, stand-ins in a thread, recordings, reports."""
