"""Run the user's command again and again, each time against a stand-in with another schedule."""
