"""What the order of acks and events must keep, written down a second time: a judge of what schedules bring."""
