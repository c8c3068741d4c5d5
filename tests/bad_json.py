"""JSON that is no deployment, and what must be said of it: for codecs, and over sockets."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CASES", "BadJson"]

DEEP = 10_000


@dataclass(frozen=True, slots=True)
class BadJson:
    """One text.

    Attributes:
        name: What is wrong.
        text: JSON in place of a Deployment; may be malformed.
        path: Where the error must say that it is; "" for the text as such.
        problem: How the text of the error begins; "" where Python's versions differ.
        is_tolerated: Whether a client lets it pass, as it must of a newer server.
    """

    name: str
    text: bytes
    path: str
    problem: str
    is_tolerated: bool = False


def _spec(json: str) -> bytes:
    return b'{"spec":' + json.encode() + b"}"


CASES = [
    # What was expected, and what came.
    BadJson(
        "text for a number",
        _spec('{"autoscaling":{"min":"one"}}'),
        "spec.autoscaling.min",
        'expected uint32, got string "one"',
    ),
    BadJson(
        "an object for a text",
        _spec('{"name":{}}'),
        "spec.name",
        "expected a string, got an object",
    ),
    BadJson(
        "an element of another type",
        _spec('{"gatewayIds":["a",5]}'),
        "spec.gatewayIds[1]",
        "expected a string, got number 5",
    ),
    BadJson(
        "a map's value of another type",
        _spec('{"runtime":{"engineConfig":{"a b":true}}}'),
        'spec.runtime.engineConfig["a b"]',
        "expected a string, got true",
    ),
    BadJson(
        "an unknown enum name",
        b'{"status":{"status":"STATUS_GREAT"}}',
        "status.status",
        "expected one of STATUS_UNSPECIFIED",
        is_tolerated=True,
    ),
    BadJson(
        "an unknown field",
        _spec('{"nope":1}'),
        "spec.nope",
        "coreweave.inference.v1alpha1.DeploymentSpec has no such field",
        is_tolerated=True,
    ),
    # Given twice.
    BadJson("a key twice", _spec('{"name":"a","name":"b"}'), "spec.name", "the key is given twice"),
    BadJson(
        "a key twice, once escaped",
        _spec(r'{"name":"a","\u006eame":"b"}'),
        "spec.name",
        "the key is given twice",
    ),
    BadJson(
        "a key twice with equal values",
        _spec('{"name":"a","name":"a"}'),
        "spec.name",
        "the key is given",
    ),
    BadJson(
        "a key of a map twice",
        _spec('{"runtime":{"engineConfig":{"a":"1","a":"2"}}}'),
        "spec.runtime.engineConfig.a",
        "the key is given twice",
    ),
    BadJson(
        "a key twice in an unknown field",
        _spec('{"nope":[{"a":1,"a":2}]}'),
        "spec.nope[0].a",
        "the key is given twice",
    ),
    BadJson(
        "both spellings of a field",
        _spec('{"gatewayIds":["a"],"gateway_ids":["b"]}'),
        "spec.gateway_ids",
        "the same field as 'gatewayIds', given twice",
    ),
    # Numbers.
    BadJson("NaN", _spec('{"autoscaling":{"min":NaN}}'), "spec.autoscaling.min", "NaN is no JSON"),
    BadJson(
        "Infinity",
        _spec('{"autoscaling":{"min":-Infinity}}'),
        "spec.autoscaling.min",
        "-Infinity is no JSON",
    ),
    BadJson(
        "NaN in an unknown field", _spec('{"nope":{"a":[NaN]}}'), "spec.nope.a[0]", "NaN is no JSON"
    ),
    BadJson(
        "a number below the range",
        _spec('{"autoscaling":{"min":-1}}'),
        "spec.autoscaling.min",
        "number -1 is out of range for uint32 (0 to 4294967295)",
    ),
    BadJson(
        "a number above the range",
        _spec('{"autoscaling":{"min":4294967296}}'),
        "spec.autoscaling.min",
        "number 4294967296 is out of range",
    ),
    BadJson(
        "a number of 10,000 digits",
        _spec('{"autoscaling":{"min":' + "9" * 10_000 + "}}"),
        "spec.autoscaling.min",
        "the number has too many digits",
    ),
    BadJson(
        "a huge exponent",
        _spec('{"autoscaling":{"min":1e999999999}}'),
        "spec.autoscaling.min",
        "number 1E+999999999 is out of range",
    ),
    BadJson(
        "a fraction",
        _spec('{"autoscaling":{"min":1.5}}'),
        "spec.autoscaling.min",
        "expected uint32, got number 1.5",
    ),
    *(
        BadJson(
            f"a number written {text}",
            _spec(f'{{"autoscaling":{{"min":"{text}"}}}}'),
            "spec.autoscaling.min",
            "expected uint32, got string",
        )
        for text in ("1_0", "+1", "01", "1.", ".5", " 1", "0x10", "\u0661", "")
    ),
    # Text.
    BadJson("half a surrogate pair", _spec(r'{"name":"\ud800"}'), "spec.name", "a string holds a"),
    BadJson(
        "the other half alone", _spec(r'{"name":"\udc00\ud800"}'), "spec.name", "a string holds a"
    ),
    BadJson(
        "half a surrogate pair in a key",
        _spec(r'{"runtime":{"engineConfig":{"\ud800":"a"}}}'),
        "spec.runtime.engineConfig",
        "a key holds a lone surrogate",
    ),
    BadJson(
        "half a surrogate pair in an unknown field",
        _spec(r'{"nope":"\ud800"}'),
        "spec.nope",
        "a string holds a lone surrogate",
    ),
    BadJson("no UTF-8", b'{"spec":{"name":"\xed\xa0\x80"}}', "", "not UTF-8 at byte 17"),
    BadJson("a byte order mark", b"\xef\xbb\xbf{}", "", "a byte order mark"),
    BadJson("a control character", b'{"spec":{"name":"\x01"}}', "", "invalid control character"),
    # Times.
    *(
        BadJson(f"the time {text}", f'{{"status":{{"createdAt":"{text}"}}}}'.encode(), *expected)
        for text, expected in (
            ("10000-01-01T00:00:00Z", ("status.createdAt", "expected a time as in")),
            ("0000-01-01T00:00:00Z", ("status.createdAt", "no such time")),
            ("9999-12-31T23:59:59-00:01", ("status.createdAt", "time out of range")),
            ("0001-01-01T00:00:00+00:01", ("status.createdAt", "time out of range")),
            ("2026-02-30T00:00:00Z", ("status.createdAt", "no such time")),
            ("2026-01-01T24:00:00Z", ("status.createdAt", "no such time")),
            ("2026-01-01T00:00:60Z", ("status.createdAt", "no such time")),
            ("2026-01-01", ("status.createdAt", "expected a time as in")),
            ("2026-01-01T00:00:00.1234567890Z", ("status.createdAt", "expected a time as in")),
        )
    ),
    # Depth.
    BadJson(
        "arrays 10,000 deep",
        _spec('{"name":' + "[" * DEEP + "]" * DEEP + "}"),
        "",
        "nested too deeply",
    ),
    BadJson(
        "objects 10,000 deep in an unknown field",
        _spec('{"nope":' + '{"a":' * DEEP + "1" + "}" * DEEP + "}"),
        "",
        "nested too deeply",
    ),
    # No JSON.
    BadJson("cut off", b'{"spec":{"name":', "", "expecting value at line 1, column 17"),
    BadJson("a trailing comma", b'{"spec":{},}', "", ""),
    BadJson("a comment", b"{/**/}", "", "expecting property name"),
    BadJson("two values", b"{} {}", "", "extra data at line 1, column 4, found '{}'"),
    BadJson("an array", b"[]", "", "expected an object, got an array"),
]
