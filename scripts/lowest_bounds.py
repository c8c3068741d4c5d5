"""Print the lowest version that each dependency may have, one `name==version` per line.

As a constraints file these make the oldest installation that pyproject.toml allows, which the tests
then run in: a lower bound that nobody runs is a guess.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENT = re.compile(r"(?P<name>[A-Za-z0-9._-]+)(?:\[[^]]*\])?\s*>=\s*(?P<version>[0-9.]+)")


def lowest_bounds(project: dict[str, Any]) -> list[str]:
    """Return `name==version` for every dependency of the base and the extras.

    Raises:
        ValueError: A dependency has no lower bound.
    """
    own = project["name"]
    requirements: list[str] = list(project["dependencies"])
    for extra in project.get("optional-dependencies", {}).values():
        requirements += extra
    found: set[str] = set()
    for requirement in requirements:
        if re.match(rf"{re.escape(own)}\b", requirement):
            continue
        match = REQUIREMENT.match(requirement)
        if match is None:
            message = f"expected a dependency of the form name>=version, got {requirement!r}"
            raise ValueError(message)
        found.add(f"{match['name']}=={match['version']}")
    return sorted(found)


def main() -> int:
    """Run the command line."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        print("\n".join(lowest_bounds(tomllib.load(file)["project"])))
    return 0


if __name__ == "__main__":
    sys.exit(main())
