"""Fixtures of the emulator's tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from coreweave_inference.emulator.store import Store
from tests.unit.emulator.rig import Rig

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _stores_are_closed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Close every store that a test made: from Python 3.13 an open database is a warning."""
    made: list[Store] = []
    make = Store.__init__

    def remembered(store: Store, path: str | None = None) -> None:
        make(store, path)
        made.append(store)

    monkeypatch.setattr(Store, "__init__", remembered)
    yield
    for store in made:
        store.close()


@pytest.fixture
def rig() -> Iterator[Rig]:
    """An emulator with transitions of 10 seconds, and time that stands still."""
    made = Rig()
    yield made
    made.store.close()
