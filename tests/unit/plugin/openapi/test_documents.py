"""What becomes of services: paths, parameters, bodies, responses, names, and the whole document."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.unit.plugin.openapi.inline import Inline, compile_inline, proto

if TYPE_CHECKING:
    from pathlib import Path

GET = "(google.api.http) = {get"
V = "(buf.validate.field)"

SOURCES = {
    "library.proto": proto(
        "acme.library.v1",
        """
import "money.proto";

// Lends books.
service Library {
  // Reads a book.
  //
  // NOT_FOUND if there is none.
  rpc GetBook(GetBookRequest) returns (Book) {
    option (google.api.http) = {
      get: "/v1/{name=shelves/*/books/*}"
      additional_bindings { get: "/v1/books/{name}" }
      additional_bindings { get: "/v2/{name=files/**}" }
      additional_bindings { custom: { kind: "FETCH" path: "/v1/books/{name}" } }
    };
  }
  rpc ListBooks(ListBooksRequest) returns (ListBooksResponse) {
    option (google.api.http) = {get: "/v1/shelves/{shelf}/books"};
  }
  rpc CreateBook(CreateBookRequest) returns (Book) {
    option (google.api.http) = {post: "/v1/{parent=shelves/*}/books" body: "book"};
    option deprecated = true;
  }
  rpc UpdateBook(UpdateBookRequest) returns (UpdateBookResponse) {
    option (google.api.http) = {
      patch: "/v1/books/{book.name}" body: "*" response_body: "books"
      additional_bindings { put: "/v1/books/{book.name}" body: "book" }
    };
  }
  rpc ArchiveBook(GetBookRequest) returns (google.protobuf.Empty) {
    option (google.api.http) = {post: "/v1/books/{name}:archive" body: "*"};
  }
  rpc Upload(google.api.HttpBody) returns (google.api.HttpBody) {
    option (google.api.http) = {post: "/v1/files" body: "*"};
  }
  rpc Watch(GetBookRequest) returns (stream Book) {
    option (google.api.http) = {get: "/v1/watch"};
  }
  rpc Pour(stream GetBookRequest) returns (Book) {
    option (google.api.http) = {post: "/v1/pour" body: "*"};
  }
  rpc NoRest(GetBookRequest) returns (Book);
}

message GetBookRequest { string name = 1 [(google.api.field_behavior) = REQUIRED]; }
message Book {
  string name = 1 [(google.api.field_behavior) = OUTPUT_ONLY, (buf.validate.field).required = true];
  money.v1.Price price = 2 [(buf.validate.field).required = true];
  Cover cover = 3;
  Book sequel = 4;
  string secret = 5 [
    (google.api.field_behavior) = INPUT_ONLY, (buf.validate.field).required = true
  ];
  // A part.
  message Cover {
    oneof material { string leather = 1; string cloth = 2; }
    optional string colour = 3;
  }
}
message ListBooksRequest {
  string shelf = 1;
  int32 page_size = 2 [(buf.validate.field).int32 = {gte: 1 lte: 50}];
  repeated string authors = 3;
  Filter filter = 4;
  map<string, string> labels = 5;
  google.protobuf.Timestamp after = 6;
  google.protobuf.Struct anything = 7;
  repeated Filter filters = 8;
  google.protobuf.BoolValue loud = 9;
  google.protobuf.FieldMask read_mask = 10 [deprecated = true];
  message Filter { Kind kind = 1 [(buf.validate.field).required = true]; Filter inner = 2; }
  enum Kind { KIND_UNSPECIFIED = 0; NOVEL = 1; }
}
message ListBooksResponse { repeated Book books = 1; }
message CreateBookRequest {
  string parent = 1;
  Book book = 2 [(google.api.field_behavior) = REQUIRED];
  bool validate_only = 3;
}
message UpdateBookRequest {
  Book book = 1 [(buf.validate.field).required = true];
  bool allow_missing = 2;
}
message UpdateBookResponse { repeated Book books = 1; }
""",
    ),
    "money.proto": 'syntax = "proto3";\npackage money.v1;\nmessage Price { int64 units = 1; }\n',
    "rules.proto": proto(
        "acme.rules.v1",
        """
service Rules {
  rpc Put(PutRequest) returns (google.protobuf.Empty) {
    option (google.api.http) = {put: "/v1" body: "*"};
  }
  rpc PutOne(PutOneRequest) returns (google.protobuf.Empty) {
    option (google.api.http) = {put: "/v1/{a}" body: "*"};
  }
}
message PutRequest {
  option (buf.validate.message).cel = {
    id: "sum" message: "a and b must differ" expression: "this.a != this.b"
  };
  option (buf.validate.message).oneof = { fields: ["c", "d"] required: true };
  oneof one { option (buf.validate.oneof).required = true; string a = 1; string b = 2; }
  oneof two { string e = 5; string f = 6; string g = 7; }
  string c = 3 [(buf.validate.field).string.min_len = 2];
  string d = 4;
}
message PutOneRequest {
  oneof one { option (buf.validate.oneof).required = true; string a = 1; string b = 2; }
  string c = 3;
}
""",
    ),
    "names.proto": proto(
        "acme.names.v1",
        """
service Names {
  rpc Put(Put_Request) returns (google.protobuf.Any) {
    option (google.api.http) = {put: "/v1" body: "*"};
  }
}
message Put { message Request { string x = 1; } }
message Put_Request { Put.Request nested = 1; GoogleProtobufAny mine = 2; GoogleRpcStatus s = 3; }
message GoogleProtobufAny {}
message GoogleRpcStatus {}
""",
    ),
    "silent.proto": proto(
        "acme.silent.v1", "service Silent { rpc Call(M) returns (M); }\nmessage M {}\n"
    ),
    "twice.proto": proto(
        "acme.twice.v1",
        """
service Twice {
  rpc A(M) returns (M) { option (google.api.http) = {get: "/v1/{a}"}; }
  rpc B(M) returns (M) { option (google.api.http) = {get: "/v1/{b}"}; }
}
message M { string a = 1; string b = 2; }
""",
    ),
    "edition.proto": proto(
        "acme.edition.v1",
        """
option features.field_presence = IMPLICIT;
service Edition {
  rpc Put(M) returns (M) { option (google.api.http) = {put: "/v1" body: "*"}; }
}
message M {
  string a = 1 [(buf.validate.field).string.min_len = 1];
  string b = 2 [features.field_presence = EXPLICIT, (buf.validate.field).string.min_len = 1];
}
""",
    ).replace('syntax = "proto3"', 'edition = "2023"'),
    "old.proto": proto(
        "acme.old",
        """
service Old { rpc Put(M) returns (M) { option (google.api.http) = {put: "/v1" body: "*"}; } }
message M {
  required string a = 1;
  optional string b = 2 [(buf.validate.field).string.min_len = 1];
}
""",
        syntax="proto2",
    ),
}


@pytest.fixture(scope="module")
def inline(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> Inline:
    return compile_inline(tmp_path_factory.mktemp("inline"), repository, SOURCES)


@pytest.fixture(scope="module")
def library(inline: Inline) -> dict[str, Any]:
    return inline.document("library.proto")


def reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def json_of(content: dict[str, Any]) -> Any:
    return content["content"]["application/json"]["schema"]


def parameters(operation: dict[str, Any], place: str) -> dict[str, Any]:
    return {p["name"]: p for p in operation.get("parameters", ()) if p["in"] == place}


@pytest.mark.parametrize("name", ["library", "rules", "names", "edition", "old"])
def test_a_validator_of_openapi_accepts(inline: Inline, name: str) -> None:
    OpenAPIV31SpecValidator(inline.document(f"{name}.proto")).validate()


def test_each_package_with_rest_methods_has_a_document(inline: Inline) -> None:
    texts = inline.texts("library.proto", "rules.proto", "silent.proto", "money.proto")
    assert list(texts) == ["acme/library/v1/openapi.json", "acme/rules/v1/openapi.json"]


def test_the_same_files_give_the_same_text_in_any_order(inline: Inline) -> None:
    backwards = Inline(tuple(reversed(inline.files)))
    targets = ("library.proto", "rules.proto")
    assert inline.texts(*targets) == backwards.texts(*reversed(targets))


def test_variables_of_several_segments_become_a_parameter_each(library: dict[str, Any]) -> None:
    assert list(library["paths"]) == [
        "/v1/books/{name}",
        "/v1/books/{name}:archive",
        "/v1/files",
        "/v1/shelves/{shelf}/books",
        "/v1/shelves/{shelf}/books/{book}",
        "/v1/watch",
        "/v2/files/{file}",
    ]
    found = parameters(library["paths"]["/v1/shelves/{shelf}/books/{book}"]["get"], "path")
    assert list(found) == ["shelf", "book"]
    assert all(p["required"] and p["schema"]["minLength"] == 1 for p in found.values())


def test_a_variable_that_may_hold_slashes_is_marked(library: dict[str, Any]) -> None:
    (found,) = parameters(library["paths"]["/v2/files/{file}"]["get"], "path").values()
    assert found["x-multi-segment"] is True


def test_bindings_have_operation_ids_of_their_own(library: dict[str, Any]) -> None:
    ids = {
        (path, verb): operation["operationId"]
        for path, item in library["paths"].items()
        for verb, operation in item.items()
    }
    assert ids == {
        ("/v1/shelves/{shelf}/books/{book}", "get"): "Library_GetBook",
        ("/v1/books/{name}", "get"): "Library_GetBook_2",
        ("/v2/files/{file}", "get"): "Library_GetBook_3",
        ("/v1/shelves/{shelf}/books", "get"): "Library_ListBooks",
        ("/v1/shelves/{shelf}/books", "post"): "Library_CreateBook",
        ("/v1/books/{name}", "patch"): "Library_UpdateBook",
        ("/v1/books/{name}", "put"): "Library_UpdateBook_2",
        ("/v1/books/{name}:archive", "post"): "Library_ArchiveBook",
        ("/v1/files", "post"): "Library_Upload",
        ("/v1/watch", "get"): "Library_Watch",
    }


def test_paths_that_differ_in_names_alone_are_one(library: dict[str, Any]) -> None:
    item = library["paths"]["/v1/books/{name}"]
    assert list(item) == ["get", "patch", "put"]
    assert list(parameters(item["patch"], "path")) == ["name"]


def test_comments_and_names_describe_an_operation(library: dict[str, Any]) -> None:
    operation = library["paths"]["/v1/books/{name}"]["get"]
    assert operation["summary"] == "Get book"
    assert operation["description"] == "Reads a book.\n\nNOT_FOUND if there is none."
    assert operation["tags"] == ["Library"]
    assert library["tags"] == [{"name": "Library", "description": "Lends books."}]
    assert library["paths"]["/v1/shelves/{shelf}/books"]["post"]["deprecated"] is True


def test_what_neither_path_nor_body_hold_is_in_the_query(library: dict[str, Any]) -> None:
    found = parameters(library["paths"]["/v1/shelves/{shelf}/books"]["get"], "query")
    assert list(found) == [
        "pageSize",
        "authors",
        "filter.kind",
        "labels",
        "after",
        "loud",
        "readMask",
    ]
    assert found["pageSize"]["required"] is True
    assert found["pageSize"]["schema"]["maximum"] == 50
    assert found["authors"]["schema"] == {"type": "array", "items": {"type": "string"}}
    assert found["filter.kind"]["schema"]["enum"] == ["NOVEL"]
    assert "required" not in found["filter.kind"]
    assert (found["labels"]["style"], found["labels"]["explode"]) == ("deepObject", True)
    assert found["after"]["schema"] == {"type": "string", "format": "date-time"}
    assert found["loud"]["schema"] == {"type": "boolean"}
    assert found["readMask"]["deprecated"] is True
    post = parameters(library["paths"]["/v1/shelves/{shelf}/books"]["post"], "query")
    assert list(post) == ["validateOnly"]


def test_a_body_is_a_field_or_what_the_path_leaves(library: dict[str, Any]) -> None:
    item = library["paths"]["/v1/books/{name}"]
    schemas = library["components"]["schemas"]
    assert json_of(item["patch"]["requestBody"]) == reference("UpdateBookRequest_Body")
    assert schemas["UpdateBookRequest_Body"]["properties"]["book"] == reference("Book_Body")
    assert "name" not in schemas["Book_Body"]["properties"]
    assert json_of(item["put"]["requestBody"]) == reference("Book_Body")
    create = library["paths"]["/v1/shelves/{shelf}/books"]["post"]["requestBody"]
    assert (json_of(create), create["required"]) == (reference("Book"), True)
    archive = library["paths"]["/v1/books/{name}:archive"]["post"]["requestBody"]
    assert "required" not in archive
    assert schemas["GetBookRequest_Body"] == {"type": "object"}


def test_a_response_is_the_message_or_its_response_body(library: dict[str, Any]) -> None:
    item = library["paths"]["/v1/books/{name}"]
    assert json_of(item["get"]["responses"]["200"]) == reference("Book")
    assert json_of(item["patch"]["responses"]["200"]) == {
        "type": "array",
        "items": reference("Book"),
    }
    archive = library["paths"]["/v1/books/{name}:archive"]["post"]
    assert json_of(archive["responses"]["200"]) == {"type": "object"}


def test_an_http_body_is_of_any_type(library: dict[str, Any]) -> None:
    upload = library["paths"]["/v1/files"]["post"]
    assert upload["requestBody"]["content"] == {"*/*": {}}
    assert upload["responses"]["200"]["content"] == {"*/*": {}}


def test_a_stream_of_responses_is_lines_or_an_array(library: dict[str, Any]) -> None:
    content = library["paths"]["/v1/watch"]["get"]["responses"]["200"]["content"]
    assert list(content) == ["application/x-ndjson", "application/json"]
    line = content["application/x-ndjson"]["schema"]["properties"]
    assert line == {"result": reference("Book"), "error": reference("GoogleRpcStatus")}
    assert content["application/json"]["schema"] == {"type": "array", "items": reference("Book")}


def test_errors_are_google_rpc_status(library: dict[str, Any]) -> None:
    for item in library["paths"].values():
        for operation in item.values():
            assert operation["responses"]["default"] == {"$ref": "#/components/responses/Error"}
    error = library["components"]["responses"]["Error"]
    assert json_of(error) == reference("GoogleRpcStatus")
    status = library["components"]["schemas"]["GoogleRpcStatus"]
    assert list(status["properties"]) == ["code", "message", "details"]
    assert status["properties"]["details"]["items"] == reference("GoogleProtobufAny")


def test_a_field_of_one_direction_is_not_required_in_the_other(library: dict[str, Any]) -> None:
    """Book is sent and answered: only what both sides have to give is required."""
    assert library["components"]["schemas"]["Book"]["required"] == ["price"]


def test_types_of_other_packages_are_named_with_their_package(library: dict[str, Any]) -> None:
    schemas = library["components"]["schemas"]
    assert schemas["Book"]["properties"]["price"] == reference("MoneyV1Price")
    assert schemas["Book"]["properties"]["cover"] == reference("Book_Cover")
    assert schemas["Book_Cover"]["description"] == "A part."


def test_a_message_inside_of_itself_is_referred_to(library: dict[str, Any]) -> None:
    assert library["components"]["schemas"]["Book"]["properties"]["sequel"] == reference("Book")


def test_names_do_not_collide(inline: Inline) -> None:
    schemas = inline.document("names.proto")["components"]["schemas"]
    assert list(schemas) == [
        "GoogleProtobufAny",
        "GoogleRpcStatus",
        "Put_Request",
        "acme.names.v1.Put_Request",
        "google.protobuf.Any",
        "google.rpc.Status",
    ]


def test_a_oneof_takes_one_member_and_a_required_one_exactly_one(
    inline: Inline, library: dict[str, Any]
) -> None:
    cover = library["components"]["schemas"]["Book_Cover"]
    assert cover["not"] == {"anyOf": [{"required": ["leather", "cloth"]}]}
    put = inline.document("rules.proto")["components"]["schemas"]["PutRequest"]
    assert put["oneOf"] == [{"required": ["a"]}, {"required": ["b"]}]
    assert put["allOf"] == [{"oneOf": [{"required": ["c"]}, {"required": ["d"]}]}]
    assert "required" not in put
    pairs = [["e", "f"], ["e", "g"], ["f", "g"]]
    assert put["not"] == {"anyOf": [{"required": pair} for pair in pairs]}


def test_a_oneof_whose_member_is_in_the_path_is_not_asked_for_again(inline: Inline) -> None:
    body = inline.document("rules.proto")["components"]["schemas"]["PutOneRequest_Body"]
    assert "oneOf" not in body


def test_rules_of_a_message_are_told(inline: Inline) -> None:
    put = inline.document("rules.proto")["components"]["schemas"]["PutRequest"]
    assert [rule["id"] for rule in put["x-validation"]] == ["sum"]
    assert put["description"] == "Checked as well: a and b must differ."


def test_presence_is_that_of_the_syntax(inline: Inline) -> None:
    edition = inline.document("edition.proto")["components"]["schemas"]["M"]
    assert edition["required"] == ["a"]
    old = inline.document("old.proto")["components"]["schemas"]["M"]
    assert old["required"] == ["a"]


def test_title_and_version_come_from_the_package(inline: Inline, library: dict[str, Any]) -> None:
    assert library["info"] == {"title": "acme.library.v1", "version": "v1"}
    assert inline.document("old.proto")["info"]["version"] == "0"


def test_a_patch_adds_replaces_and_removes(inline: Inline) -> None:
    patch = {
        "info": {"title": "Library", "contact": {"name": "us"}},
        "paths": {"/v1/books/{name}": {"get": {"summary": None, "deprecated": True}}},
        "components": {"schemas": {"Book": {"properties": {"name": {"examples": ["x"]}}}}},
        "servers": [{"url": "https://library.example"}],
    }
    document = inline.document("library.proto", json.dumps(patch))
    assert document["info"] == {"title": "Library", "version": "v1", "contact": {"name": "us"}}
    get = document["paths"]["/v1/books/{name}"]["get"]
    assert ("summary" in get, get["deprecated"]) == (False, True)
    name = document["components"]["schemas"]["Book"]["properties"]["name"]
    assert (name["examples"], name["readOnly"]) == (["x"], True)
    assert document["servers"] == [{"url": "https://library.example"}]


@pytest.mark.parametrize(
    ("patch", "problem"),
    [
        pytest.param("[]", "expected a JSON object, got list", id="no-object"),
        pytest.param("{", "no JSON", id="no-json"),
        pytest.param('{"paths": {"/v9": {}}}', "/paths//v9 is not in", id="path"),
        pytest.param('{"paths": {"/v1/files": {"get": {}}}}', "/get is not in", id="verb"),
        pytest.param('{"components": {"schemas": {"X": {}}}}', "/X is not in", id="schema"),
        pytest.param(
            '{"components": {"schemas": {"Book": {"properties": {"x": {}}}}}}',
            "/components/schemas/Book/properties/x is not in the generated document",
            id="property",
        ),
    ],
)
def test_a_patch_that_does_not_fit_is_refused(inline: Inline, patch: str, problem: str) -> None:
    error = inline.answer("library.proto", patch=patch).error
    assert error.startswith("patch.json: ")
    assert problem in error


def test_two_methods_at_one_place_are_refused(inline: Inline) -> None:
    error = inline.answer("twice.proto").error
    assert error == "twice.proto: B: GET /v1/{a} is Twice_A already"


@pytest.mark.parametrize(
    ("parameter", "problem"),
    [
        ("emit=go", "option emit: expected one of python, openapi, got 'go'"),
        ("openapi-patch=x.json", "option openapi-patch: expected emit=openapi beside it"),
    ],
)
def test_options_that_do_not_fit_are_refused(inline: Inline, parameter: str, problem: str) -> None:
    assert inline.answer("library.proto", parameter=parameter).error == problem
