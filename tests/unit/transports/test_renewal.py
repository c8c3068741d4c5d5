"""When connections are replaced: certificates that changed, or age."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from tests.unit.triwire.test_tls import FIRST, SECOND, Files, certificate_of, key_of
from triwire.testing import ManualClock
from triwire.tls import TlsOptions
from triwire.transports.renewal import Renewal

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def renewal_of(files: Files) -> tuple[Renewal, ManualClock]:
    clock = ManualClock()
    return Renewal(files.load(), now=clock.monotonic_seconds), clock


def test_changed_files_are_a_reason_once(files: Files) -> None:
    renewal, clock = renewal_of(files)
    assert not renewal.is_due()
    files.write(SECOND)
    clock.advance(1)
    assert renewal.is_due()
    assert renewal.tls.client_key == key_of(SECOND)
    clock.advance(1)
    assert not renewal.is_due()


def test_files_that_change_before_the_first_call_are_seen_by_it(files: Files) -> None:
    renewal, _ = renewal_of(files)
    files.write(SECOND)
    assert renewal.is_due()
    assert renewal.tls.client_key == key_of(SECOND)


def test_files_that_are_only_touched_are_no_reason(files: Files) -> None:
    renewal, clock = renewal_of(files)
    assert not renewal.is_due()
    files.write(FIRST)
    clock.advance(1)
    assert not renewal.is_due()


def test_files_are_looked_at_once_a_second(files: Files) -> None:
    renewal, clock = renewal_of(files)
    assert not renewal.is_due()
    files.write(SECOND)
    clock.advance(0.5)
    assert not renewal.is_due()
    clock.advance(0.5)
    assert renewal.is_due()


def test_half_of_a_change_is_waited_for_and_said_once(
    files: Files, caplog: pytest.LogCaptureFixture
) -> None:
    renewal, clock = renewal_of(files)
    assert not renewal.is_due()
    files.certificate.write_bytes(certificate_of(SECOND))
    with caplog.at_level(logging.WARNING, "triwire.connections"):
        for _ in range(3):
            clock.advance(1)
            assert not renewal.is_due()
    assert renewal.tls.client_certificate == certificate_of(FIRST)
    assert len(caplog.records) == 1
    files.key.write_bytes(key_of(SECOND))
    clock.advance(1)
    assert renewal.is_due()


def aging(max_age_seconds: float | None, *, draw: float = 0.0) -> tuple[Renewal, ManualClock]:
    clock = ManualClock()
    made = Renewal(
        TlsOptions(),
        max_age_seconds=max_age_seconds,
        now=clock.monotonic_seconds,
        draw=lambda: draw,
    )
    return made, clock


def test_a_connection_ages_from_its_first_call() -> None:
    renewal, clock = aging(100)
    clock.advance(1000)
    assert not renewal.is_due()
    clock.advance(99)
    assert not renewal.is_due()
    clock.advance(1)
    assert renewal.is_due()
    assert not renewal.is_due()
    clock.advance(100)
    assert renewal.is_due()


def test_ages_differ_by_up_to_a_tenth() -> None:
    renewal, clock = aging(100, draw=1.0)
    assert not renewal.is_due()
    clock.advance(89)
    assert not renewal.is_due()
    clock.advance(1)
    assert renewal.is_due()


def test_without_a_limit_no_connection_is_too_old() -> None:
    renewal, clock = aging(None)
    assert not renewal.is_due()
    clock.advance(1e9)
    assert not renewal.is_due()


def test_new_certificates_begin_a_new_age(files: Files) -> None:
    clock = ManualClock()
    renewal = Renewal(
        files.load(), max_age_seconds=100, now=clock.monotonic_seconds, draw=lambda: 0.0
    )
    assert not renewal.is_due()
    clock.advance(60)
    files.write(SECOND)
    assert renewal.is_due()
    clock.advance(60)
    assert not renewal.is_due()
    clock.advance(40)
    assert renewal.is_due()
