"""Large bodies: hold their messages, and redact them in a process of its own, while those of other clients go on."""
