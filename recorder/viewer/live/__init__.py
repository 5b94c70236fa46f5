"""Show what is recorded or played now: a page that grows, and buttons that steer a replay."""
