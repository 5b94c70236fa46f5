"""A server of S3 on this machine: moto's, in a thread, with buckets of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch
from urllib.request import Request, urlopen

import fsspec
from moto.server import ThreadedMotoServer

BUCKET = "team"


@contextmanager
def s3(bucket: str = BUCKET) -> Iterator[dict[str, str]]:
    """Run a server with an empty bucket; yield the environment by which clients, commands too, find it.

    In the block this process has that environment.
    """
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    found = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "nobody",
        "AWS_SECRET_ACCESS_KEY": "nothing",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    with urlopen(Request(f"http://{host}:{port}/moto-api/reset", method="POST")):
        pass  # a server before it, in this process, has left its buckets
    try:
        with patch.dict("os.environ", found):
            fsspec.get_filesystem_class("s3").clear_instance_cache()
            fsspec.filesystem("s3").mkdir(bucket)
            yield found
    finally:
        fsspec.get_filesystem_class("s3").clear_instance_cache()
        server.stop()
