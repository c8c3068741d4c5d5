"""`make schemathesis`: the emulator under Schemathesis, every case the same in every run.

Server errors, undocumented statuses and content types, responses that break their schema, missing
authentication and deleted resources that stay are failures; so are errors without all their
members, and refusals of what the schema accepts, unless a rule that JSON Schema cannot say or the
catalog is the reason. Requests that the schema refuses may be accepted: ProtoJSON takes more
spellings than it writes (`null` for a field that is not set, numbers in quotes).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from tests.emulator_process import RunningEmulator, running_emulator

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parent.parent.parent
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "ignored_auth",
    "use_after_free",
    "ensure_resource_availability",
    "errors_are_whole",
    "refusals_are_explained",
)
# Where the examples of the document are created, so that its other examples find them.
EXAMPLES = ("gateways", "deployments", "capacityclaims")
PREFIX = "/v1alpha1/inference"


def create_examples(emulator: RunningEmulator) -> None:
    """Create what the document's examples speak of, under the ids that they have there."""
    headers = {"authorization": f"Bearer {emulator.admin_token}"}
    with httpx.Client(base_url=emulator.url, headers=headers, trust_env=False) as client:
        paths = client.get("/openapi.json").raise_for_status().json()["paths"]
        for name in EXAMPLES:
            create = paths[f"{PREFIX}/{name}"]["post"]["requestBody"]
            get = paths[f"{PREFIX}/{name}/{{id}}"]["get"]["responses"]["200"]
            body = create["content"]["application/json"]["example"]
            (resource,) = get["content"]["application/json"]["example"].values()
            sent = {**body, "id": resource["spec"]["id"]}
            client.post(f"{PREFIX}/{name}", json=sent).raise_for_status()


def run(emulator: RunningEmulator, *, examples: int, seed: int, report: Path) -> int:
    """Run Schemathesis and return its exit code.

    Args:
        emulator: What to test.
        examples: The most random cases for one operation.
        seed: Of the random cases.
        report: The JSON report to write.
    """
    command = [
        *(str(Path(sys.executable).with_name("st")), "run", f"{emulator.url}/openapi.json"),
        *("--header", f"Authorization: Bearer {emulator.admin_token}"),
        *("--checks", ",".join(CHECKS)),
        *("--max-examples", str(examples), "--seed", str(seed), "--workers", "1"),
        *("--generation-database", "none", "--continue-on-failure", "--no-color"),
        *("--report", "json", "--report-json-path", str(report)),
        *("--warnings", "off"),
    ]
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "SCHEMATHESIS_HOOKS": "tests.schemathesis.checks",
    }
    # It keeps what it found in a folder below the one that it runs in.
    return subprocess.run(command, cwd=report.parent, env=environment, check=False).returncode


def summary(report: dict[str, Any]) -> str:
    """Return one line on a report."""
    cases, accepted = report["test_cases"], 0
    for phases in report["valid_rates"].values():
        accepted += sum(phase["accepted"] for phase in phases.values())
    return (
        f"{cases['generated']} cases of {report['operations']['tested']} operations, "
        f"{accepted} that keep the schema accepted, {cases['unique_failures']} failures"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Run Schemathesis on the emulator.")
    parser.add_argument("--examples", type=int, default=60, help="random cases per operation")
    parser.add_argument("--seed", type=int, default=1, help="of the random cases")
    parser.add_argument("--at-least", type=int, default=0, help="fail below so many cases")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        # A deletion that is still under way would look like one that did not happen.
        with running_emulator("--transition-seconds", "0") as emulator:
            create_examples(emulator)
            status = run(emulator, examples=options.examples, seed=options.seed, report=report)
        found: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))
    print(summary(found))
    if found["test_cases"]["generated"] < options.at_least:
        print(f"expected at least {options.at_least} cases", file=sys.stderr)
        return 1
    return status


if __name__ == "__main__":
    sys.exit(main())
