"""`buf breaking` against the committed baseline, by the command that buf.yaml gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.contract.buf import copy_workspace, run_buf

if TYPE_CHECKING:
    from pathlib import Path

BUF_FOUND_SOMETHING = 100


def breaking(root: Path, baseline: bytes) -> tuple[int, str]:
    """Return exit code and findings of buf breaking in `root`."""
    imports = run_buf(root, "build", ".third_party", "-o", "-")
    assert imports.returncode == 0, imports.stderr.decode()
    done = run_buf(
        root, "breaking", "proto", "--against", "-", standard_input=imports.stdout + baseline
    )
    return done.returncode, done.stdout.decode() + done.stderr.decode()


@pytest.fixture
def baseline(repository: Path) -> bytes:
    return (repository / "proto" / "baseline.binpb").read_bytes()


@pytest.fixture
def workspace(repository: Path, tmp_path: Path, third_party: None) -> Path:  # noqa: ARG001 - wanted for its effect
    """The folder of our protos in a copy that may be changed."""
    return copy_workspace(repository, tmp_path)


@pytest.mark.usefixtures("third_party")
def test_the_protos_keep_the_baseline(repository: Path, baseline: bytes) -> None:
    assert breaking(repository, baseline) == (0, "")


@pytest.mark.usefixtures("third_party")
@pytest.mark.parametrize(
    ("file", "changes", "finding"),
    [
        pytest.param(
            "capacity_claim",
            {"uint32 pending_instances = 6": "uint32 pending_instances = 7"},
            'field "6" with name "pending_instances" on message "CapacityClaimStatus" was deleted',
            id="number",
        ),
        pytest.param(
            "capacity_claim",
            {"uint32 instance_count": "int32 instance_count"},
            '"instance_count" on message "CapacityClaimResources" changed type',
            id="type",
        ),
        pytest.param(
            "gateway",
            {"PathBasedRouting {}": "PathRouting {}", "PathBasedRouting path": "PathRouting path"},
            'Previously present message "PathBasedRouting" was deleted',
            id="name of a message",
        ),
        pytest.param(
            "status",
            {"STATUS_ERROR = 4": "STATUS_ERROR = 7"},
            'Previously present enum value "4" on enum "Status" was deleted',
            id="enum value",
        ),
    ],
)
def test_a_break_is_found(
    file: str, changes: dict[str, str], finding: str, workspace: Path, baseline: bytes
) -> None:
    proto = workspace / f"{file}.proto"
    text = proto.read_text(encoding="utf-8")
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    proto.write_text(text, encoding="utf-8")

    code, output = breaking(proto.parents[4], baseline)

    assert code == BUF_FOUND_SOMETHING
    assert finding in output


def test_the_baseline_holds_no_files_of_others(baseline: bytes) -> None:
    assert b"buf.validate" in baseline  # as the name of an import and of options
    assert b"google/api/http.proto\x12" not in baseline
    assert b"Rules\x12" not in baseline
