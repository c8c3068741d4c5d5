"""The Inference API as a working server on this machine.

`emulator_services` gives the service objects themselves, for tests of virtual time over the
memory wire; `cw-inference emulator` serves the same objects on one port. What the emulator
does where no source says what the real service does is listed in docs/emulator.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from coreweave_inference.emulator.access import Access
    from coreweave_inference.emulator.faults.plan import FaultPlan
    from coreweave_inference.emulator.faults.script import FaultScript
    from coreweave_inference.emulator.service import Emulator, emulator_services
    from coreweave_inference.emulator.settings import Behaviour
    from coreweave_inference.emulator.store import Store

__all__ = [
    "Access",
    "Behaviour",
    "Emulator",
    "FaultPlan",
    "FaultScript",
    "Store",
    "emulator_services",
]

_HOMES = {
    "Access": "access",
    "Behaviour": "settings",
    "Emulator": "service",
    "FaultPlan": "faults.plan",
    "FaultScript": "faults.script",
    "Store": "store",
    "emulator_services": "service",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - any public object
    """Load what is public on first use: the database library alone takes 100 ms to import."""
    home = _HOMES.get(name)
    if home is None:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{home}"), name)
