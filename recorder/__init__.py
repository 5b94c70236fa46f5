"""Record and replay contact-centre desktops by cause: request → ack → events."""
