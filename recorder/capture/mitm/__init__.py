"""The recorder inside mitmproxy; nothing outside this package and the importer of flow files imports mitmproxy."""
