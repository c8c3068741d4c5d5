"""The built contract."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.contract.buf import build_image, fill_third_party

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def third_party(repository: Path) -> None:
    """Put the third-party protos in place, or skip."""
    fill_third_party(repository)


@pytest.fixture(scope="session")
def image(repository: Path, third_party: None) -> bytes:  # noqa: ARG001 - wanted for its effect
    """The protos of this tree as a FileDescriptorSet, with imports and comments."""
    return build_image(repository)
