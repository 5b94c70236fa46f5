"""Errors of libraries are told in words that help, and hold no secret."""

from __future__ import annotations

import errno

import pytest
from aiohttp import ClientConnectionError, ClientPayloadError
from botocore.exceptions import (  # type: ignore[import-untyped]  # it has no types
    ClientError,
    ConnectTimeoutError,
    NoCredentialsError,
)
from fsspec.exceptions import FSTimeoutError

from recorder.fleet.store.problems import Kind, Lost, Replaced, kind_of, told, without_secrets


def coded(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "said"}}, "GetObject")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (FileNotFoundError("b/k"), Kind.MISSING),
        (FileExistsError(), Kind.THERE),
        (PermissionError("Forbidden"), Kind.DENIED),
        (NoCredentialsError(), Kind.DENIED),
        (ConnectTimeoutError(endpoint_url="http://h"), Kind.LOST),
        (ClientPayloadError(), Kind.LOST),
        (ClientConnectionError(), Kind.LOST),
        (ConnectionResetError(), Kind.LOST),
        (FSTimeoutError(), Kind.LOST),
        (coded("SlowDown"), Kind.LOST),
        (coded("ConditionalRequestConflict"), Kind.LOST),
        (coded("PreconditionFailed"), Kind.REPLACED),
        (Replaced(), Kind.REPLACED),
        (Lost(), Kind.LOST),
        (ValueError("odd"), Kind.OTHER),
    ],
)
def test_an_error_has_a_kind(error: Exception, kind: Kind) -> None:
    assert kind_of(error) is kind


def test_an_error_has_the_kind_of_its_cause() -> None:
    error = OSError(errno.EIO, "said")
    error.__cause__ = coded("503")

    assert kind_of(error) is Kind.LOST


def test_an_error_is_told_once() -> None:
    first = told(ConnectionResetError("reset"))

    assert first.strerror == "the store cannot be reached (reset)"
    assert told(first) is first
    assert isinstance(told(FileNotFoundError()), FileNotFoundError)
    assert told(PermissionError("Forbidden")).strerror == (
        "access denied (Forbidden); check the credentials for this store"
    )


def test_secrets_of_urls_are_left_out() -> None:
    said = "403, url='https://me:secret@host/a?X-Amz-Signature=secret&b=c'\nnext"

    assert without_secrets(said) == "403, url='https://…@host/a?…' next"
