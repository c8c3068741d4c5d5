"""The checked-in OpenAPI document of the Inference API: valid, whole, its examples hold."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.contract.calls import METHODS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DOCUMENT = "gen/openapi/coreweave/inference/v1alpha1/openapi.json"


@pytest.fixture(scope="module")
def document(repository: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((repository / DOCUMENT).read_text(encoding="utf-8"))
    return found


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for verb, operation in item.items():
            yield path, verb, operation


def test_a_validator_of_openapi_accepts_it(document: dict[str, Any]) -> None:
    OpenAPIV31SpecValidator(document).validate()


def test_every_method_has_its_operation(document: dict[str, Any]) -> None:
    found = {
        operation["operationId"]: (verb.upper(), path)
        for path, verb, operation in operations(document)
    }
    wanted = {}
    for method in METHODS:
        _, service, name = method.path.replace(".", "/").rsplit("/", 2)
        assert method.http is not None
        wanted[f"{service}_{name}"] = (method.http.verb, method.http.template)
    assert found == wanted


def test_every_reference_leads_somewhere_and_every_schema_is_used(
    document: dict[str, Any],
) -> None:
    text = json.dumps(document)
    found = re.findall(r'"\$ref": "#/([^"]+)"', text)
    assert len(found) == text.count('"$ref"')
    names = [
        f"components/{kind}/{name}"
        for kind in ("responses", "schemas")
        for name in document["components"][kind]
    ]
    assert set(found) == set(names)


def examples(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for _, _, operation in operations(document):
        bodies = {"request": operation.get("requestBody", {}), **operation["responses"]}
        for place, body in bodies.items():
            content = body.get("content", {}).get("application/json", {})
            if "example" in content:
                yield f"{operation['operationId']}: {place}", content
    yield "Error", document["components"]["responses"]["Error"]["content"]["application/json"]


def test_examples_keep_their_schemas(document: dict[str, Any]) -> None:
    found = dict(examples(document))
    assert len(found) == 10
    for name, content in found.items():
        schema = {**content["schema"], "components": document["components"]}
        validator: Any = Draft202012Validator(
            schema, format_checker=Draft202012Validator.FORMAT_CHECKER
        )
        errors = [f"{name}: {e.message}" for e in validator.iter_errors(content["example"])]
        assert not errors


def test_the_package_holds_the_same_document(document: dict[str, Any], repository: Path) -> None:
    packaged = repository / DOCUMENT.replace("openapi/", "python/coreweave_inference_gen/", 1)
    text = packaged.read_text(encoding="utf-8")
    assert json.loads(text) == document
    assert text.count("\n") == 1
