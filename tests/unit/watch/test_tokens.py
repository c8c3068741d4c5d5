from __future__ import annotations

import base64
from hashlib import blake2b

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.watch.driving import START_NS
from triwire.watch.checkpoint import Checkpoint, StoredRow
from triwire.watch.observation import Phase
from triwire.watch.tokens import (
    InvalidTokenError,
    ResumeToken,
    TokenExpiredError,
    TokenScopeError,
)

STAMPS = st.integers(0, 2**62)
WATERMARKS = st.none() | st.integers(1, 2**62)
ROWS = st.builds(
    StoredRow,
    key=st.one_of(st.uuids().map(str), st.text(max_size=20)),
    created_ns=STAMPS,
    shown_created_ns=STAMPS,
    updated_ns=STAMPS,
    fingerprint=st.binary(min_size=16, max_size=16),
    phase=st.sampled_from(Phase),
    count=st.integers(0, 10**6),
    epoch=st.integers(0, 10**6),
    object=st.none(),
)
STATES = st.builds(
    Checkpoint,
    scope=st.just("scope"),
    closed_ns=WATERMARKS,
    open_ns=WATERMARKS,
    bound_seconds=st.integers(0, 120_000).map(lambda ms: ms / 1000),
    taken_at_ns=STAMPS,
    complete=st.booleans(),
    rows=st.lists(ROWS, max_size=5).map(tuple),
    ends=st.just(()),
)


def token() -> str:
    state: Checkpoint[str] = Checkpoint(
        scope="scope",
        closed_ns=START_NS,
        open_ns=START_NS,
        bound_seconds=10.0,
        taken_at_ns=START_NS,
    )
    return ResumeToken.of(state).text()


@given(STATES)
def test_a_token_gives_back_what_it_was_made_of(state: Checkpoint[str]) -> None:
    text = ResumeToken.of(state).text()
    back = ResumeToken.parse(text).resume("scope", now_ns=state.taken_at_ns)
    assert (back.scope, back.complete, back.bound_seconds) == ("scope", False, state.bound_seconds)
    assert (back.closed_ns, back.open_ns) == (state.closed_ns, state.open_ns)
    for was, now in zip(state.rows, back.rows, strict=True):
        assert (now.key, now.created_ns, now.shown_created_ns) == (
            was.key,
            was.created_ns,
            was.shown_created_ns,
        )
        assert (now.updated_ns, now.phase, now.count, now.epoch) == (
            was.updated_ns,
            was.phase,
            was.count,
            was.epoch,
        )
        assert was.fingerprint.startswith(now.fingerprint)


@given(STATES, st.data())
def test_a_damaged_token_is_always_refused(state: Checkpoint[str], data: st.DataObject) -> None:
    text = ResumeToken.of(state).text()
    at = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.sampled_from([one for one in "Az09-_" if one != text[at]]))
    for broken in (text[:at], text[:at] + other + text[at + 1 :]):
        try:
            ResumeToken.parse(broken)
        except InvalidTokenError:
            continue
        # The last character of base64 may hold bits that decode to nothing.
        assert broken[:-1] == text[:-1]


@given(st.one_of(st.text(max_size=80), st.binary(max_size=80).map(lambda b: b.hex())))
def test_foreign_text_is_refused_with_one_error(text: str) -> None:
    with pytest.raises(InvalidTokenError):
        ResumeToken.parse(text)


def test_another_scope_is_refused() -> None:
    with pytest.raises(TokenScopeError, match="start this watch without it"):
        ResumeToken.parse(token()).resume("other", now_ns=START_NS)


def test_an_old_token_has_expired() -> None:
    parsed = ResumeToken.parse(token())
    parsed.resume("scope", now_ns=START_NS + 86_400 * 10**9)
    with pytest.raises(TokenExpiredError, match="86401 seconds old"):
        parsed.resume("scope", now_ns=START_NS + 86_401 * 10**9)


def test_a_token_of_another_version_has_expired() -> None:
    raw = base64.urlsafe_b64decode(token() + "==")[:-8]
    body = bytes([9]) + raw[1:]
    text = base64.urlsafe_b64encode(body + blake2b(body, digest_size=8).digest()).decode()
    with pytest.raises(TokenExpiredError, match="version 2, got 9"):
        ResumeToken.parse(text)


def test_a_token_costs_little_more_than_what_it_must_hold() -> None:
    row: StoredRow[str] = StoredRow(
        "00000000-0000-4000-8000-000000000001", START_NS, START_NS, START_NS + 5, b"f" * 16
    )
    state: Checkpoint[str] = Checkpoint(
        scope="s", closed_ns=START_NS, open_ns=START_NS, bound_seconds=10.0, rows=(row,) * 100
    )
    assert len(ResumeToken.of(state).text()) < 100 * 60
