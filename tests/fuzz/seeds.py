"""What the fuzzer begins with: the vectors, the table of bad JSON, and words of the formats."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.bad_json import CASES
from tests.vectors.schema import FOLDER, message_class

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["dictionary", "seeds"]

_MAX_BYTES = 4096


def _cases(file: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((FOLDER / file).read_text(encoding="utf-8"))["cases"]
    return found


def seeds(target: str) -> list[bytes]:
    """Return inputs that reach every branch that the vectors know."""
    found = {"url": _urls, "template": _templates, "json": _json, "stream": _streams}[target]()
    return sorted({seed for seed in found if len(seed) <= _MAX_BYTES})


def _requests() -> Iterator[dict[str, Any]]:
    for file in ("paths.json", "queries.json", "bodies.json"):
        yield from _cases(file)


def _urls() -> Iterator[bytes]:
    for case in _requests():
        if "http" in case:
            yield b"\0" + case["http"]["target"].encode()
    for index, path in enumerate(
        ("/v1/a", "/v1/shelves/a/books/b:read", "/v1/files/a/b", "/v1/a/b/COLOR_RED:go")
    ):
        yield bytes([index]) + path.encode()
    yield b"\4/v1/n/-5/true/aGk/1.5e3"
    yield b"\5/v1/a/b%2Fc:all"


def _templates() -> Iterator[bytes]:
    for case in _cases("templates.json"):
        yield case["template"].encode()
    for case in _requests():
        yield case["rule"]["template"].encode()


def _json() -> Iterator[bytes]:
    for case in (*_cases("bodies.json"), *_cases("responses.json")):
        parts = case.get("http", case)
        if "raw_body" in parts:
            yield b"\0" + parts["raw_body"].encode("utf-8", "surrogatepass")
        elif "body" in parts:
            yield b"\0" + json.dumps(parts["body"]).encode()
    for bad in CASES:
        yield b"\0" + bad.text
    yield b'\1{"name":"n","bigNumber":"5","child":{"tags":["a"]},"labels":{"a":"b"}}'
    yield b'\2{"id":"a","total":"5","leaves":[{}],"numbers":[1,2e0]}'


def _streams() -> Iterator[bytes]:
    for case in _cases("streams.json"):
        is_lines = case["content_type"] != "application/json"
        yield bytes([is_lines, 0]) + case["raw_body"].encode()


def dictionary(target: str) -> list[bytes]:
    """Return words that mutations are made of."""
    fields = message_class("Request").DESCRIPTOR.fields
    names = sorted({name for field in fields for name in (field.name, field.json_name)})
    if target == "json":
        quoted = [f'"{name}":'.encode() for name in names]
        return [
            *quoted,
            b'"@type":',
            b"null",
            b"true",
            b"NaN",
            b"\\ud800",
            b"1e400",
            b'"COLOR_RED"',
        ]
    if target == "url":
        return [*(f"{name}=".encode() for name in names), b"%2F", b"%2E%2E", b"[a]=", b"/v1/"]
    if target == "template":
        return [b"{a=", b"**", b"{a.b=*/**}", b":verb", b"%2E"]
    return [b'{"result":', b'{"error":', b'"\\u', b"[", b"]", b",\n"]
