"""What scripts/generate.py makes of the plugins' output, on protos that are not ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

from scripts.generate import apply, compare, everything, layout, present
from scripts.generate_settings import Settings, read_settings
from scripts.relocate import RelocationError

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = Settings(package="acme_gen", drop=("rules/", "library/own_rules.proto"))

DESCRIPTORS = FileDescriptorSet(
    file=[
        FileDescriptorProto(name="rules/standard.proto"),
        FileDescriptorProto(name="library/own_rules.proto"),
        FileDescriptorProto(name="library/book-shelf.proto"),
        FileDescriptorProto(name="library/service.proto"),
    ]
)
DESCRIPTORS.file[3].service.add(name="Library")
RAW = {
    "library/own_rules_pb2.pyi": "from rules import standard_pb2\n",
    "library/book_shelf_pb2.py": "x = 1\n",
    "library/book_shelf_pb2.pyi": "x: int\n",
    "library/book_shelf_pb2_grpc.py": "import grpc\n",
    "library/service_pb2.py": "from library import book_shelf_pb2 as b\n",
    "library/service_pb2_grpc.py": "import grpc\nfrom library import service_pb2 as s\n",
    "library/service_triwire.py": "from library.service_pb2 import Request\n",
}


def test_mirrors_the_protos_below_the_package() -> None:
    files = layout(DESCRIPTORS, RAW, settings=SETTINGS)
    assert list(files) == [
        "acme_gen/__init__.py",
        "acme_gen/library/__init__.py",
        "acme_gen/library/book_shelf_pb2.py",
        "acme_gen/library/book_shelf_pb2.pyi",
        "acme_gen/library/service_pb2.py",
        "acme_gen/library/service_pb2_grpc.py",
        "acme_gen/library/service_triwire.py",
        "acme_gen/py.typed",
    ]
    service = files["acme_gen/library/service_pb2.py"]
    assert service == "from acme_gen.library import book_shelf_pb2 as b\n"


def test_does_not_depend_on_the_order_in_which_plugins_write() -> None:
    backwards = dict(reversed(RAW.items()))
    assert list(layout(DESCRIPTORS, backwards, settings=SETTINGS).items()) == list(
        layout(DESCRIPTORS, RAW, settings=SETTINGS).items()
    )


def test_keeps_rules_of_its_own_for_the_validator() -> None:
    descriptors = FileDescriptorSet()
    descriptors.CopyFrom(DESCRIPTORS)
    descriptors.file[1].extension.add(name="valid_isbn", number=50000)
    descriptors.file[1].source_code_info.location.add(leading_comments="not wanted")
    descriptors.file[0].extension.add(name="standard", number=1159)
    files = layout(descriptors, RAW, settings=SETTINGS)
    namespace: dict[str, object] = {}
    exec(files["acme_gen/_rules.py"], namespace)  # noqa: S102 - what was just generated
    descriptors.file[1].ClearField("source_code_info")
    assert namespace["FILES"] == (descriptors.file[1].SerializeToString(deterministic=True),)
    assert "from acme_gen import _rules" in files["acme_gen/__init__.py"]


@pytest.mark.parametrize(
    ("path", "text", "reason"),
    [
        pytest.param(
            "library/service_pb2.py",
            "from rules import standard_pb2\n",
            "library/service_pb2.py: still imports rules.standard_pb2",
            id="import-of-a-dropped-file",
        ),
        pytest.param(
            "library/service_pb2.py",
            "from acme_gen import x\nimport library.own_rules_pb2\n",
            "library/service_pb2.py: still imports library.own_rules_pb2",
            id="import-of-our-own-dropped-file",
        ),
        pytest.param(
            "library/service.txt",
            "",
            "library/service.txt: expected an output that ends in one of _pb2.py",
            id="output-of-an-unknown-plugin",
        ),
    ],
)
def test_refuses_output_that_would_not_work(path: str, text: str, reason: str) -> None:
    with pytest.raises(RelocationError, match=reason):
        layout(DESCRIPTORS, {**RAW, path: text}, settings=SETTINGS)


def test_names_each_difference_and_mends_it(tmp_path: Path) -> None:
    package = tmp_path / "acme_gen"
    (package / "__pycache__").mkdir(parents=True)
    (package / "__pycache__" / "stale.pyc").write_bytes(b"\xff")
    for name in ("right.py", "stale.py", "extra.py"):
        (package / name).write_text("old", encoding="utf-8")
    wanted = {
        "acme_gen/right.py": "old",
        "acme_gen/stale.py": "new",
        "acme_gen/deep/missing.py": "new",
    }
    problems = compare(wanted, present(tmp_path))
    assert problems == [
        ("acme_gen/deep/missing.py", "missing"),
        ("acme_gen/extra.py", "extra"),
        ("acme_gen/stale.py", "stale"),
    ]
    apply(wanted, problems, tmp_path)
    assert present(tmp_path) == wanted
    assert compare(wanted, present(tmp_path)) == []


def test_puts_openapi_documents_beside_and_into_the_package() -> None:
    document = '{\n  "openapi": "3.1.0"\n}\n'
    files = everything(
        DESCRIPTORS, {**RAW, "openapi/library/openapi.json": document}, settings=SETTINGS
    )
    assert files["openapi/library/openapi.json"] == document
    assert files["python/acme_gen/library/openapi.json"] == '{"openapi":"3.1.0"}\n'
    assert "python/acme_gen/library/service_triwire.py" in files


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="no-table"),
        pytest.param("[tool.triwire.generate]\npackage = 'p'\n", id="no-drop"),
        pytest.param("[tool.triwire.generate]\npackage = 'a-b'\ndrop = []\n", id="not-a-name"),
        pytest.param("[tool.triwire.generate]\npackage = 'p'\ndrop = [1]\n", id="not-a-path"),
        pytest.param(
            "[tool.triwire.generate]\npackage = 'p'\ndrop = []\nx = 1\n", id="unknown-key"
        ),
    ],
)
def test_settings_that_do_not_fit_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "pyproject.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match="expected package = 'name'"):
        read_settings(tmp_path)
