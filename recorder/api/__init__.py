"""The classes that `import recorder` offers: cassettes, stand-ins and recorders for Python programs."""
