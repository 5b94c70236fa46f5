"""Read requests, recorded and live, as matching compares them, and index those of a recording."""
