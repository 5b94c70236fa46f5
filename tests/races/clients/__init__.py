"""The clients in Python. `right` and `wrong` of each module take the URL of a server, and raise if the work fails."""
