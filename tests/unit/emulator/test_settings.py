"""Settings, and how they reach the serving process."""

from __future__ import annotations

import pytest

from coreweave_inference.emulator.settings import Behaviour, ServerSettings


def test_settings_survive_the_pipe() -> None:
    settings = ServerSettings(
        behaviour=Behaviour(transition_seconds=0.25, merge_dns=True, max_resources=3),
        tokens="a cw0001 admin\nb cw0001 viewer\n",
        database="/some/where.db",
        documented_style=True,
        reject_unknown_fields=True,
        max_body_bytes=7,
        faults='{\n"faults": []}',
        admin_descriptor=5,
    )
    text = settings.to_json()
    assert "\n" not in text
    assert ServerSettings.from_json(text) == settings


def test_tokens_are_not_shown() -> None:
    assert "secret" not in repr(ServerSettings(behaviour=Behaviour(), tokens="secret"))


def test_pace_is_whole_nanoseconds() -> None:
    assert Behaviour(transition_seconds=0.1).transition_ns == 100_000_000


@pytest.mark.parametrize("seconds", [-1, float("inf"), float("nan"), 10**9])
def test_a_pace_that_is_none_is_refused(seconds: float) -> None:
    with pytest.raises(ValueError, match="transition_seconds must be"):
        Behaviour(transition_seconds=seconds)


def test_a_negative_limit_is_refused() -> None:
    with pytest.raises(ValueError, match="max_resources must be"):
        Behaviour(max_resources=-1)
