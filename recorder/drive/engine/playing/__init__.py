"""Parts of the driver: pair what the server tells with what it told, bind values, and word findings."""
