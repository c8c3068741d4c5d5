"""The stages of the contract suite, each started by the first scenario that plays on it."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from typing import TYPE_CHECKING, TypeAlias

import pytest

from coreweave_inference.emulator.access import Access
from coreweave_inference.emulator.service import Emulator, emulator_services
from coreweave_inference.emulator.settings import Behaviour
from coreweave_inference.emulator.store import Store
from tests.contract import stub
from tests.contract.ground import DOCUMENTED, Stage, tokens_file
from tests.contract.stub_process import running_stub
from tests.emulator_process import running_emulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.contract.scenario import Server
    from triwire.server.service import Service

__all__ = ["Stages"]

# What the emulators are told, as flags of the command and as the settings they stand for.
FLAGS: dict[str, tuple[str, ...]] = {
    "instant": ("--transition-seconds", "0"),
    "slow": ("--transition-seconds", "3600"),
    "strict": (
        "--transition-seconds",
        "0",
        "--unique-names",
        "--max-resources",
        "3",
        "--disabled-stays-creating",
    ),
}
BEHAVIOUR = {
    "instant": Behaviour(),
    "slow": Behaviour(transition_seconds=3600),
    "strict": Behaviour(unique_names=True, max_resources=3, disabled_stays_creating=True),
}

Stages: TypeAlias = "Callable[[Server, str], Stage]"


@pytest.fixture(scope="session")
def stages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stages]:
    """A function that returns the stage of a server for a wire."""
    tokens = tokens_file()
    known: dict[tuple[Server, str], Stage] = {}
    with ExitStack() as stack:
        runner = stack.enter_context(asyncio.Runner())

        def services(server: Server) -> Callable[[], list[Service]]:
            if server == "stub":
                return stub.services
            store = Store()
            stack.callback(store.close)
            emulator = Emulator(store, Access.parse(tokens), BEHAVIOUR[server])
            made = emulator_services(emulator)
            return lambda: made

        def url(server: Server, style: str) -> str:
            if server == "stub":
                return stack.enter_context(running_stub())
            path = tmp_path_factory.mktemp("tokens") / "tokens"
            path.write_text(tokens)
            flags = (*FLAGS[server], "--tokens", str(path))
            if style == "documented":
                flags = (*flags, "--documented-style")
            return stack.enter_context(running_emulator(*flags)).url

        def stage(server: Server, wire: str) -> Stage:
            # One server answers on all wires; these two have their own.
            style = {"memory": "memory", DOCUMENTED: "documented"}.get(wire, "contract")
            found = known.get((server, style))
            if found is None:
                where = services(server) if style == "memory" else url(server, style)
                found = known[server, style] = Stage(where, runner)
                stack.callback(found.close)
            return found

        yield stage
