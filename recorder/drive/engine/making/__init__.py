"""Makes the plan of a drive: what was sent and told, what each step waits for, and where its values come from."""
