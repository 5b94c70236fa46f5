"""Write a cassette as text that people can edit, and read it back."""
