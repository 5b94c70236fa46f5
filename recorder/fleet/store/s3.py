"""Put a file into S3 in one step, also a large one in several parts (multipart upload).

The library would leave the parts of an upload in the bucket, where they cost money and nobody sees them, if the process
is interrupted. https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html
"""

from __future__ import annotations

import errno
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

PART = 1 << 24  # bytes of a part, at least; S3 takes 5 MiB to 5 GiB
_PARTS = 10_000  # parts that S3 takes at most


def put_s3(fs: AbstractFileSystem, here: Path, path: str, *, force: bool, part: int = PART) -> None:
    """Copy a file of this machine into a bucket; without `force`, never over another one.

    Args:
        fs: The file system (`s3fs`).
        here: The file.
        path: Bucket and key.
        force: Replace an existing object.
        part: Bytes from which on a file goes in parts of so many.

    Raises:
        FileExistsError: Without `force`, if there is an object.
        Exception: Any other of the library; `problems.kind_of` tells them apart.
    """
    condition = {} if force else {"IfNoneMatch": "*"}
    try:
        _put(fs, here, path, condition, part)
    except OSError as exc:
        if force or exc.errno != errno.ENOSYS:
            raise
        if fs.exists(path):  # a store that knows no conditions
            raise FileExistsError(errno.EEXIST, "exists already") from exc
        _put(fs, here, path, {}, part)
    finally:
        fs.invalidate_cache(path)


def _put(fs: AbstractFileSystem, here: Path, path: str, condition: dict[str, str], part: int) -> None:
    bucket, key, _ = fs.split_path(path)
    where = {"Bucket": bucket, "Key": key}
    size = here.stat().st_size
    with here.open("rb") as file:
        if size <= part:
            fs.call_s3("put_object", Body=file.read(), **where, **condition)
            return
        step = max(part, -(-size // _PARTS))
        begun = fs.call_s3("create_multipart_upload", **where)
        upload = {**where, "UploadId": begun["UploadId"]}
        try:
            parts: list[dict[str, Any]] = []
            while content := file.read(step):
                number = len(parts) + 1
                sent = fs.call_s3("upload_part", PartNumber=number, Body=content, **upload)
                parts.append({"PartNumber": number, "ETag": sent["ETag"]})
            fs.call_s3("complete_multipart_upload", MultipartUpload={"Parts": parts}, **upload, **condition)
        except BaseException:
            with suppress(Exception):  # the error before this one is told
                fs.call_s3("abort_multipart_upload", **upload)
            raise
