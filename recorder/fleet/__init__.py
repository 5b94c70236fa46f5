"""Many users, many cassettes: load on Locust, files in a store, a catalogue over all of them."""
