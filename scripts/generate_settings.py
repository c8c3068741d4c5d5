"""The table `[tool.triwire.generate]` of pyproject.toml: where generated Python goes."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Settings", "read_settings"]


@dataclass(frozen=True, slots=True)
class Settings:
    """What the generation needs to know about this API.

    Attributes:
        package: The Python package that everything is put below.
        drop: Proto paths, or folders with a slash at the end, that the runtime descriptors must not
            depend on and for which no Python is written.
    """

    package: str
    drop: tuple[str, ...]


def read_settings(root: Path) -> Settings:
    """Read the table.

    Raises:
        ValueError: It is missing, or not as `Settings` says.
    """
    with (root / "pyproject.toml").open("rb") as file:
        table = tomllib.load(file).get("tool", {}).get("triwire", {}).get("generate")
    match table:
        case {"package": str(package), "drop": [*drop], **rest} if (
            package.isidentifier() and not rest and all(isinstance(name, str) for name in drop)
        ):
            return Settings(package=package, drop=tuple(drop))
        case _:
            raise ValueError(
                f"expected package = 'name' and drop = ['path', ...] under [tool.triwire.generate] "
                f"of pyproject.toml, got {table!r}"
            )
