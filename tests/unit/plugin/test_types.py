"""The generated code, and code that uses it, under mypy and pyright in their strict modes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.unit.plugin.compiling import make_workspace, run_buf

if TYPE_CHECKING:
    from tests.unit.plugin.compiling import Compiled

pytestmark = pytest.mark.slow

# Each line that ends in "# wrong" must be refused, all others accepted; "#= T" is the type that
# both checkers must find for the expression in front of it.
USAGE = """\
from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from bookish.awkward.v1 import awkward_triwire
from bookish.fleet.v1 import fleet_pb2, fleet_triwire
from bookish.library.v1 import library_pb2, library_triwire
from bookish.money.v1 import money_triwire
from bookish.streams.v1 import stream_kinds_pb2, stream_kinds_triwire

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from triwire._runtime import AsyncCaller, Caller, ServerContext


def sync_code(caller: Caller) -> None:
    books = library_triwire.Books(caller)
    reveal_type(books.get("b"))  #= Book
    reveal_type(books.get("b", view="FULL"))  #= Book
    reveal_type(books.get(library_pb2.GetBookRequest()))  #= Book
    reveal_type(books.list(parent="s"))  #= list[Book]
    reveal_type(books.batch_get(names=("a", "b")))  #= list[Book]
    reveal_type(books.archive(name="b"))  #= Book
    reveal_type(books.delete("b"))  #= None
    reveal_type(books.edit("b", lambda request: request.book.authors.append("x")))  #= Book
    reveal_type(books.rpc.get_book(library_pb2.GetBookRequest()))  #= Response[Book]
    price: money_triwire.AmountDict = {"units": 1, "currency": "CURRENCY_EURO"}
    now = datetime.now(UTC)
    books.create(parent="s", book={"title": "t", "price": price, "update_time": now})
    books.create(parent="s", book={"title": "t", "binding": {"parts": [{"name": "x"}]}})
    books.create(parent="s", book=library_pb2.Book())
    books.create(parent="s", book={"price": price})  # wrong
    books.create(parent="s", book={"title": "t", "price": {"currency": "CURRENCY_YEN"}})  # wrong
    books.create(parent="s", book={"title": "t", "colour": "red"})  # wrong
    books.create(parent="s")  # wrong
    books.create(library_pb2.CreateBookRequest(), parent="s")  # wrong
    books.get(3)  # wrong
    books.get("b", viw="")  # wrong
    books.wait_until_ready("b")  # wrong
    reveal_type(books.wait_for("b", lambda book: book.title, timeout_seconds=1))  #= Book
    books.wait_for("b", lambda book: book.titel, timeout_seconds=1)  # wrong
    reveal_type(books.wait_all(["a", library_pb2.Book()], timeout_seconds=1))  #= list[Book]
    reveal_type(books.wait_all(["a"], until=lambda b: b.title, timeout_seconds=1))  #= list[Book]
    reveal_type(books.wait_all(["a"], until="deleted", timeout_seconds=1))  #= None
    books.wait_all(["a"], until="redy", timeout_seconds=1)  # wrong
    books.wait_all([3], timeout_seconds=1)  # wrong
    books.edit("b", lambda request: 3)  # wrong
    reveal_type(library_triwire.LibraryServiceMethods.GET_BOOK)  #= MethodSpec[GetBookRequest, Book]
    robots = fleet_triwire.Robots(caller)
    robots.create(label="x", arms={"l": {"length": 1}}, shift=timedelta(1), diesel=None)
    robots.create(label="x", battery={"capacity": 1, "built_at": now})
    robots.create(label="x", battery={})  # wrong
    things = awkward_triwire.Things(caller)
    things.import_(from_="x", words={"other": b"", "in": "y", "words": {"other": b""}})
    things.import_(from_="x", everything={"kind": 7, "kinds": ["KIND_BIG", 1], "list": [1, "a"]})
    things.import_(from_="x", everything={"value": {"a": [1, None]}, "nested": {"k": {}}})
    things.import_(from_="x", everything={"kind": "KIND_SMALL"})  # wrong
    library_triwire.Books(async_caller())  # wrong
    echoes = stream_kinds_triwire.EchoServiceClient(caller)
    echo = stream_kinds_pb2.Echo()
    reveal_type(echoes.collect([echo]))  #= Response[Echo]
    reveal_type(echoes.expand(echo))  #= ResponseStream[Echo]
    reveal_type(next(echoes.chat(iter([echo]))))  #= Echo
    echoes.collect(echo)  # wrong
    echoes.expand([echo])  # wrong


async def async_code(caller: AsyncCaller) -> None:
    books = library_triwire.AsyncBooks(caller)
    reveal_type(await books.get("b"))  #= Book
    reveal_type(await books.list(parent="s"))  #= list[Book]
    reveal_type(await books.wait_until_ready(library_pb2.Book(), timeout_seconds=1))  #= Book


async def async_streams(
    caller: AsyncCaller, requests: AsyncIterator[stream_kinds_pb2.Echo]
) -> None:
    echoes = stream_kinds_triwire.AsyncEchoServiceClient(caller)
    reveal_type(await echoes.collect(requests))  #= Response[Echo]
    reveal_type(echoes.expand(stream_kinds_pb2.Echo()))  #= AsyncResponseStream[Echo]
    async with echoes.chat(requests) as stream:
        async for message in stream:
            reveal_type(message)  #= Echo
    await echoes.collect([stream_kinds_pb2.Echo()])  # wrong
    await echoes.expand(stream_kinds_pb2.Echo())  # wrong


class Echoes:
    async def once(
        self, request: stream_kinds_pb2.Echo, context: ServerContext
    ) -> stream_kinds_pb2.Echo:
        return request

    async def collect(
        self, requests: AsyncIterator[stream_kinds_pb2.Echo], context: ServerContext
    ) -> stream_kinds_pb2.Echo:
        return await anext(requests)

    async def expand(
        self, request: stream_kinds_pb2.Echo, context: ServerContext
    ) -> AsyncIterator[stream_kinds_pb2.Echo]:
        yield request


class AllEchoes(Echoes):
    async def chat(
        self, requests: AsyncIterator[stream_kinds_pb2.Echo], context: ServerContext
    ) -> AsyncIterator[stream_kinds_pb2.Echo]:
        async for request in requests:
            yield request


stream_kinds_triwire.echo_service(AllEchoes())
stream_kinds_triwire.echo_service(Echoes())  # wrong


def async_caller() -> AsyncCaller:
    raise NotImplementedError


class Echo:
    async def list_robots(
        self, request: fleet_pb2.ListRobotsRequest, context: ServerContext
    ) -> fleet_pb2.ListRobotsResponse:
        return fleet_pb2.ListRobotsResponse()

    def get_robot(
        self, wanted: fleet_pb2.GetRobotRequest, _: ServerContext
    ) -> fleet_pb2.GetRobotResponse:
        return fleet_pb2.GetRobotResponse()

    def create_robot(
        self, wanted: fleet_pb2.CreateRobotRequest, _: ServerContext
    ) -> fleet_pb2.CreateRobotResponse:
        return fleet_pb2.CreateRobotResponse()

    def update_robot(
        self, wanted: fleet_pb2.UpdateRobotRequest, _: ServerContext
    ) -> fleet_pb2.UpdateRobotResponse:
        return fleet_pb2.UpdateRobotResponse()

    def delete_robot(
        self, wanted: fleet_pb2.DeleteRobotRequest, _: ServerContext
    ) -> fleet_pb2.DeleteRobotResponse:
        return fleet_pb2.DeleteRobotResponse()


class Whole(Echo):
    def get_robot_parameters(
        self, wanted: fleet_pb2.GetRobotParametersRequest, _: ServerContext
    ) -> fleet_pb2.GetRobotParametersResponse:
        return fleet_pb2.GetRobotParametersResponse()


fleet_triwire.fleet_service(Whole())
fleet_triwire.fleet_service(Echo())  # wrong
"""


@pytest.fixture(scope="module")
def project(compiled: Compiled, tmp_path_factory: pytest.TempPathFactory, repository: Path) -> Path:
    """A folder with the generated code, the stubs of its messages, and code that uses it."""
    workspace = tmp_path_factory.mktemp("stubs")
    make_workspace(workspace)
    plugin = Path(sys.executable).with_name("protoc-gen-mypy")
    template = {
        "version": "v2",
        "plugins": [{"local": str(plugin), "out": "out", "opt": ["quiet"], "strategy": "all"}],
    }
    (workspace / "buf.gen.yaml").write_text(json.dumps(template), encoding="utf-8")
    run_buf(workspace, "generate")
    folder = workspace / "out"
    for path in (folder / "google").rglob("*.pyi"):
        path.unlink()
    targets = [file.name for file in compiled.files if file.name.startswith("bookish/")]
    for name, text in compiled.texts(*targets).items():
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "usage.py").write_text(USAGE, encoding="utf-8")
    settings = {
        "typeCheckingMode": "strict",
        "pythonVersion": "3.11",
        "extraPaths": [str(repository / "src")],
        "exclude": ["**/*_pb2.pyi"],
        "reportMissingModuleSource": "none",
    }
    (folder / "pyrightconfig.json").write_text(json.dumps(settings), encoding="utf-8")
    return folder


def expected_types() -> dict[int, str]:
    """Return line number -> type for the lines that reveal one."""
    return {
        number: line.split("#= ")[1]
        for number, line in enumerate(USAGE.splitlines(), start=1)
        if "#= " in line
    }


def expected_errors() -> set[int]:
    return {
        number
        for number, line in enumerate(USAGE.splitlines(), start=1)
        if line.endswith("# wrong")
    }


def without_modules(text: str) -> str:
    """Drop the modules in front of class names."""
    return re.sub(r"\b(?:\w+\.)+(?=\w)", "", text)


def test_mypy_accepts_the_code_and_refuses_wrong_uses(project: Path, repository: Path) -> None:
    command = [sys.executable, "-m", "mypy", "--strict", "--no-color-output", "--no-error-summary"]
    command += ["--explicit-package-bases", "--namespace-packages", "--hide-error-context"]
    command += ["--cache-dir", str(project / "cache"), "--config-file="]
    done = subprocess.run(
        [*command, "bookish", "usage.py"],
        cwd=project,
        env={"MYPYPATH": str(repository / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    errors: set[int] = set()
    types: dict[int, str] = {}
    for line in done.stdout.splitlines():
        found = re.match(r"(?P<file>[^:]+):(?P<line>\d+): (?P<kind>error|note): (?P<text>.*)", line)
        assert found is not None, line
        number = int(found["line"])
        revealed = re.match(r'Revealed type is "(.*)"', found["text"])
        if revealed is not None:
            types[number] = without_modules(revealed[1])
        elif found["kind"] == "error":
            assert found["file"] == "usage.py", line
            errors.add(number)
    assert types == expected_types(), done.stderr
    assert errors == expected_errors()


def test_pyright_accepts_the_code_and_refuses_wrong_uses(project: Path) -> None:
    command = [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    errors: set[int] = set()
    types: dict[int, str] = {}
    for found in json.loads(done.stdout)["generalDiagnostics"]:
        number = found["range"]["start"]["line"] + 1
        revealed = re.search(r' is "([^"]*)"$', found["message"])
        if found["severity"] == "information" and revealed is not None:
            types[number] = revealed[1]
        else:
            assert Path(found["file"]).name == "usage.py", found
            errors.add(number)
    assert types == expected_types(), done.stderr
    assert errors == expected_errors()
