"""Run the recorder inside mitmproxy. Only this package and the importer of flow files import mitmproxy."""
