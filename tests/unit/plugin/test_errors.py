"""What is wrong with the input is told in the response, as text for the user."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from google.api import annotations_pb2
from google.api.http_pb2 import HttpRule
from google.protobuf.compiler.plugin_pb2 import CodeGeneratorRequest, CodeGeneratorResponse
from google.protobuf.descriptor_pb2 import Edition, FileDescriptorProto

from triwire.plugin import generate

if TYPE_CHECKING:
    from tests.unit.plugin.compiling import Compiled

LIBRARY = "bookish/library/v1/library.proto"


def error_for(compiled: Compiled, rule: HttpRule) -> str:
    """Give GetBook another rule and return the error."""
    request = compiled.request(LIBRARY)
    method = request.proto_file[-1].service[0].method[0]
    assert method.name == "GetBook"
    method.options.Extensions[annotations_pb2.http].CopyFrom(rule)
    response = generate(request)
    assert not response.file
    return response.error


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        pytest.param(HttpRule(get="v1/x"), "expected '/'", id="a template that is none"),
        pytest.param(HttpRule(get=""), "without a verb and a path", id="no path"),
        pytest.param(HttpRule(), "without a verb and a path", id="no pattern"),
        pytest.param(
            HttpRule(get="/{id}"),
            "{id}: bookish.library.v1.GetBookRequest has no field 'id'",
            id="an unknown variable",
        ),
        pytest.param(
            HttpRule(get="/{name.first}"), "'name' is no message", id="a path into a text"
        ),
        pytest.param(
            HttpRule(get="/a", body="book"),
            "body: bookish.library.v1.GetBookRequest has no field 'book'",
            id="an unknown body",
        ),
        pytest.param(
            HttpRule(get="/a", response_body="x"),
            "response_body: bookish.library.v1.Book has no field 'x'",
            id="an unknown response body",
        ),
        pytest.param(
            HttpRule(
                get="/a",
                additional_bindings=[HttpRule(get="/b", additional_bindings=[HttpRule(get="/c")])],
            ),
            "additional_bindings cannot have bindings of their own",
            id="bindings of bindings",
        ),
    ],
)
def test_a_wrong_http_rule_is_refused_by_name(
    compiled: Compiled, rule: HttpRule, text: str
) -> None:
    error = error_for(compiled, rule)
    assert error.startswith(f"{LIBRARY}: bookish.library.v1.LibraryService.GetBook: ")
    assert text in error


def test_a_variable_with_many_values_is_refused(compiled: Compiled) -> None:
    request = compiled.request(LIBRARY)
    service = request.proto_file[-1].service[0]
    (method,) = (method for method in service.method if method.name == "BatchGetBooks")
    method.options.Extensions[annotations_pb2.http].get = "/v1/{names}"
    assert "{names}: 'names' holds many values" in generate(request).error


def test_an_unknown_option_is_refused_with_those_that_there_are(compiled: Compiled) -> None:
    response = compiled.answer(LIBRARY, parameter="language=go")
    assert (
        response.error
        == "unknown option 'language': allowed are prefix, retry-config, emit, openapi-patch"
    )


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("bookish/lambda/v1/a.proto", id="a keyword"),
        pytest.param("bookish/1st/a.proto", id="a digit first"),
    ],
)
def test_a_path_that_python_cannot_import_is_refused(name: str) -> None:
    request = CodeGeneratorRequest(
        file_to_generate=[name], proto_file=[FileDescriptorProto(name=name)]
    )
    assert f"{name}: cannot be imported in Python" in generate(request).error


def test_a_message_that_python_cannot_name_is_refused(compiled: Compiled) -> None:
    request = compiled.request(LIBRARY)
    file = request.proto_file[-1]
    (message,) = (message for message in file.message_type if message.name == "SortShelfRequest")
    message.name = "None"
    for method in file.service[0].method:
        if method.name == "SortShelf":
            method.input_type = ".bookish.library.v1.None"
    assert "the message bookish.library.v1.None cannot be named" in generate(request).error


def test_a_target_that_was_not_sent_is_named() -> None:
    response = generate(CodeGeneratorRequest(file_to_generate=["a.proto"]))
    assert response.error == "the compiler asks for a.proto but did not send it"


def test_a_type_that_was_not_sent_is_named(compiled: Compiled) -> None:
    request = compiled.request(LIBRARY)
    request.proto_file[-1].service[0].method[0].output_type = ".bookish.Gone"
    assert "did not send the type bookish.Gone" in generate(request).error


def run_program(data: bytes) -> CodeGeneratorResponse:
    command = [sys.executable, "-c", "import sys, triwire.plugin as p; sys.exit(p.main())"]
    done = subprocess.run(command, input=data, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    return CodeGeneratorResponse.FromString(done.stdout)


def test_the_program_answers_on_stdout(compiled: Compiled) -> None:
    request = compiled.request(LIBRARY)
    response = run_program(request.SerializeToString())
    assert response == generate(request)
    assert response.supported_features == (
        CodeGeneratorResponse.FEATURE_PROTO3_OPTIONAL
        | CodeGeneratorResponse.FEATURE_SUPPORTS_EDITIONS
    )
    assert response.minimum_edition == Edition.EDITION_PROTO2
    assert response.maximum_edition == Edition.EDITION_2023


def test_what_is_no_request_is_an_error_and_no_traceback() -> None:
    assert "expected a CodeGeneratorRequest on stdin" in run_program(b"\xff\xff").error
