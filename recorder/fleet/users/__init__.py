"""Tell Locust what recorded sessions do: who plays which values, what is counted, and the locustfile that says so."""
