"""What people look at: recordings as tables and JSON. Text in, text out; nothing is printed here."""
