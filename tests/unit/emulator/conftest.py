"""Fixtures of the emulator's tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.emulator.rig import Rig

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def rig() -> Iterator[Rig]:
    """An emulator with transitions of 10 seconds, and time that stands still."""
    made = Rig()
    yield made
    made.store.close()
