"""Run a test under many schedules, or under one."""
