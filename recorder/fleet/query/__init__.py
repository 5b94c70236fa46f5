"""Ask a catalogue in SQL: DuckDB over its Parquet files, and queries that come along."""
