"""`cw-inference demo`: the main job, from end to end."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from coreweave_inference.cli import main
from coreweave_inference.cli.demo.report import Report, StepFailedError, expect
from tests.contract.calls import METHODS
from tests.emulator_process import processes_of, wait_until_gone
from triwire.dial.wires import WIRES


def test_the_demo_calls_every_method_on_every_wire_in_both_colours() -> None:
    command = [sys.executable, "-m", "coreweave_inference.cli", "demo"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        lines = [next(process.stdout)]
        children = processes_of(process.pid)
        rest, errors = process.communicate(timeout=120)
    assert process.returncode == 0
    assert errors == ""
    lines += rest.splitlines(keepends=True)
    events = [line.split() for line in lines if " watch " in line]
    lines = [line for line in lines if " watch " not in line]
    done = [re.fullmatch(r"(\S+) (sync|async) (\w+) ok (\d+\.\d)\n", line) for line in lines]
    assert all(done[:-1])
    assert done[-1] is None  # the summary
    assert lines[-1].startswith(f"{8 * len(METHODS)} calls in 8 runs succeeded in ")
    seen = {(found[1], found[2], found[3]) for found in done if found}
    assert seen == {
        (wire, colour, method.name)
        for wire in WIRES
        for colour in ("sync", "async")
        for method in METHODS
    }
    assert len(done) - 1 == len(seen)
    for wire in WIRES:
        for colour in ("sync", "async"):
            told = [(kind, state) for *run, _, kind, _, state in events if run == [wire, colour]]
            assert told[0][0] == "Added"
            assert ("Added", "STATUS_READY") in told or ("Modified", "STATUS_READY") in told
            assert told[-1][0] == "Deleted"
            assert {kind for kind, _ in told[1:-1]} <= {"Modified"}
    assert wait_until_gone(children) == set()


def test_a_step_that_fails_is_named_and_counted(capsys: pytest.CaptureFixture[str]) -> None:
    report = Report()
    report.run("rest", "sync")
    with report.step("GetGateway"):
        pass
    with pytest.raises(StepFailedError), report.step("UpdateGateway"):
        expect(condition=False, text="routing by path")
    with pytest.raises(StepFailedError), report.quietly("(wait until READY)"):
        raise TimeoutError
    captured = capsys.readouterr()
    assert re.fullmatch(r"rest sync GetGateway ok \d+\.\d\n", captured.out)
    assert captured.err == (
        "rest sync UpdateGateway FAILED ValueError: expected routing by path\n"
        "rest sync (wait until READY) FAILED TimeoutError: \n"
    )
    summary = report.summary(1.0)
    assert summary.startswith("2 of 1 runs failed after 1 calls:\n")
    assert "UpdateGateway FAILED" in summary


def test_a_demo_that_fails_says_where_and_goes_on_with_the_next_run(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # The emulator knows other tokens than the demo sends.
    def other_tokens(admin: str, viewer: str) -> str:
        del admin, viewer
        return "other cw0001 admin\n"

    monkeypatch.setattr("coreweave_inference.emulator.access.development_tokens", other_tokens)
    assert main(["demo", "--transport", "connect", "--transport", "rest"]) == 1
    captured = capsys.readouterr()
    assert [line.partition(" FAILED ")[0] for line in captured.err.splitlines()] == [
        "connect sync GetCapacityClaimParameters",
        "connect async GetCapacityClaimParameters",
        "rest sync GetCapacityClaimParameters",
        "rest async GetCapacityClaimParameters",
    ]
    assert "UNAUTHENTICATED" in captured.err
    assert captured.out.startswith("4 of 4 runs failed after 0 calls:\n")
