"""Build a catalogue of many cassettes: tables in Parquet that other tools read too."""
