"""Play plans of a drive on gevent: many clients in one thread, each of them cheap."""
