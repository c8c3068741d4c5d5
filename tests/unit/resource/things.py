"""Message types with a field of every kind, made without a compiler."""

from __future__ import annotations

from typing import Any

# Loaded for their registration: the file below imports them.
from google.protobuf import (
    any_pb2,
    descriptor_pool,
    duration_pb2,
    field_mask_pb2,
    struct_pb2,
    text_format,
    timestamp_pb2,
    wrappers_pb2,
)
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.message_factory import GetMessageClass

from triwire.resource.lifecycle import Lifecycle, Listing
from triwire.spec import MethodSpec

# Classes that exist only while the tests run.
MessageClass = Any

IMPORTED = (any_pb2, duration_pb2, field_mask_pb2, struct_pb2, timestamp_pb2, wrappers_pb2)

SOURCE = """
name: "things/v1/things.proto" package: "things.v1" syntax: "proto3"
dependency: "google/protobuf/any.proto"
dependency: "google/protobuf/duration.proto"
dependency: "google/protobuf/field_mask.proto"
dependency: "google/protobuf/struct.proto"
dependency: "google/protobuf/timestamp.proto"
dependency: "google/protobuf/wrappers.proto"
enum_type { name: "Colour"
  value { name: "COLOUR_UNSPECIFIED" number: 0 }
  value { name: "COLOUR_RED" number: 1 }
  value { name: "COLOUR_BLUE" number: 2 } }
enum_type { name: "State"
  value { name: "STATE_UNSPECIFIED" number: 0 }
  value { name: "STATE_CREATING" number: 1 }
  value { name: "STATE_READY" number: 2 }
  value { name: "STATE_FAILED" number: 3 }
  value { name: "STATE_UPDATING" number: 4 }
  value { name: "STATE_DELETING" number: 5 }
  value { name: "STATE_ERROR" number: 6 } }
message_type { name: "Thing"
  field { name: "int32" number: 1 type: TYPE_INT32 label: LABEL_OPTIONAL }
  field { name: "uint32" number: 2 type: TYPE_UINT32 label: LABEL_OPTIONAL }
  field { name: "int64" number: 3 type: TYPE_INT64 label: LABEL_OPTIONAL }
  field { name: "uint64" number: 4 type: TYPE_UINT64 label: LABEL_OPTIONAL }
  field { name: "double" number: 5 type: TYPE_DOUBLE label: LABEL_OPTIONAL }
  field { name: "bool" number: 6 type: TYPE_BOOL label: LABEL_OPTIONAL }
  field { name: "text" number: 7 type: TYPE_STRING label: LABEL_OPTIONAL }
  field { name: "data" number: 8 type: TYPE_BYTES label: LABEL_OPTIONAL }
  field { name: "colour" number: 9 type: TYPE_ENUM type_name: ".things.v1.Colour" label: LABEL_OPTIONAL }
  field { name: "colours" number: 10 type: TYPE_ENUM type_name: ".things.v1.Colour" label: LABEL_REPEATED }
  field { name: "texts" number: 11 type: TYPE_STRING label: LABEL_REPEATED }
  field { name: "numbers" number: 12 type: TYPE_INT32 label: LABEL_REPEATED }
  field { name: "part" number: 13 type: TYPE_MESSAGE type_name: ".things.v1.Part" label: LABEL_OPTIONAL }
  field { name: "parts" number: 14 type: TYPE_MESSAGE type_name: ".things.v1.Part" label: LABEL_REPEATED }
  field { name: "labels" number: 15 type: TYPE_MESSAGE type_name: ".things.v1.Thing.LabelsEntry" label: LABEL_REPEATED }
  field { name: "parts_by_name" number: 16 type: TYPE_MESSAGE type_name: ".things.v1.Thing.PartsByNameEntry" label: LABEL_REPEATED }
  field { name: "colours_by_number" number: 17 type: TYPE_MESSAGE type_name: ".things.v1.Thing.ColoursByNumberEntry" label: LABEL_REPEATED }
  field { name: "times_by_name" number: 18 type: TYPE_MESSAGE type_name: ".things.v1.Thing.TimesByNameEntry" label: LABEL_REPEATED }
  field { name: "time" number: 19 type: TYPE_MESSAGE type_name: ".google.protobuf.Timestamp" label: LABEL_OPTIONAL }
  field { name: "times" number: 20 type: TYPE_MESSAGE type_name: ".google.protobuf.Timestamp" label: LABEL_REPEATED }
  field { name: "duration" number: 21 type: TYPE_MESSAGE type_name: ".google.protobuf.Duration" label: LABEL_OPTIONAL }
  field { name: "mask" number: 22 type: TYPE_MESSAGE type_name: ".google.protobuf.FieldMask" label: LABEL_OPTIONAL }
  field { name: "struct" number: 23 type: TYPE_MESSAGE type_name: ".google.protobuf.Struct" label: LABEL_OPTIONAL }
  field { name: "value" number: 24 type: TYPE_MESSAGE type_name: ".google.protobuf.Value" label: LABEL_OPTIONAL }
  field { name: "list" number: 25 type: TYPE_MESSAGE type_name: ".google.protobuf.ListValue" label: LABEL_OPTIONAL }
  field { name: "boxed_text" number: 26 type: TYPE_MESSAGE type_name: ".google.protobuf.StringValue" label: LABEL_OPTIONAL }
  field { name: "boxed_number" number: 27 type: TYPE_MESSAGE type_name: ".google.protobuf.UInt32Value" label: LABEL_OPTIONAL }
  field { name: "boxed_bool" number: 28 type: TYPE_MESSAGE type_name: ".google.protobuf.BoolValue" label: LABEL_OPTIONAL }
  field { name: "any" number: 29 type: TYPE_MESSAGE type_name: ".google.protobuf.Any" label: LABEL_OPTIONAL }
  field { name: "left" number: 30 type: TYPE_STRING label: LABEL_OPTIONAL oneof_index: 0 }
  field { name: "right" number: 31 type: TYPE_MESSAGE type_name: ".things.v1.Part" label: LABEL_OPTIONAL oneof_index: 0 }
  field { name: "from" number: 32 type: TYPE_STRING label: LABEL_OPTIONAL }
  field { name: "maybe" number: 33 type: TYPE_INT32 label: LABEL_OPTIONAL oneof_index: 1 proto3_optional: true }
  nested_type { name: "LabelsEntry" options { map_entry: true }
    field { name: "key" number: 1 type: TYPE_STRING label: LABEL_OPTIONAL }
    field { name: "value" number: 2 type: TYPE_STRING label: LABEL_OPTIONAL } }
  nested_type { name: "PartsByNameEntry" options { map_entry: true }
    field { name: "key" number: 1 type: TYPE_STRING label: LABEL_OPTIONAL }
    field { name: "value" number: 2 type: TYPE_MESSAGE type_name: ".things.v1.Part" label: LABEL_OPTIONAL } }
  nested_type { name: "ColoursByNumberEntry" options { map_entry: true }
    field { name: "key" number: 1 type: TYPE_INT32 label: LABEL_OPTIONAL }
    field { name: "value" number: 2 type: TYPE_ENUM type_name: ".things.v1.Colour" label: LABEL_OPTIONAL } }
  nested_type { name: "TimesByNameEntry" options { map_entry: true }
    field { name: "key" number: 1 type: TYPE_STRING label: LABEL_OPTIONAL }
    field { name: "value" number: 2 type: TYPE_MESSAGE type_name: ".google.protobuf.Timestamp" label: LABEL_OPTIONAL } }
  oneof_decl { name: "side" } oneof_decl { name: "_maybe" } }
message_type { name: "Part"
  field { name: "size" number: 1 type: TYPE_INT32 label: LABEL_OPTIONAL }
  field { name: "colour" number: 2 type: TYPE_ENUM type_name: ".things.v1.Colour" label: LABEL_OPTIONAL }
  field { name: "built" number: 3 type: TYPE_MESSAGE type_name: ".google.protobuf.Timestamp" label: LABEL_OPTIONAL }
  field { name: "parts" number: 4 type: TYPE_MESSAGE type_name: ".things.v1.Part" label: LABEL_REPEATED } }
message_type { name: "Lamp"
  field { name: "id" number: 1 type: TYPE_STRING label: LABEL_OPTIONAL }
  field { name: "status" number: 2 type: TYPE_MESSAGE type_name: ".things.v1.LampStatus" label: LABEL_OPTIONAL }
  field { name: "disabled" number: 3 type: TYPE_BOOL label: LABEL_OPTIONAL } }
message_type { name: "LampStatus"
  field { name: "state" number: 1 type: TYPE_ENUM type_name: ".things.v1.State" label: LABEL_OPTIONAL }
  field { name: "updated_at" number: 2 type: TYPE_MESSAGE type_name: ".google.protobuf.Timestamp" label: LABEL_OPTIONAL }
  field { name: "conditions" number: 3 type: TYPE_MESSAGE type_name: ".things.v1.Condition" label: LABEL_REPEATED }
  field { name: "created_at" number: 4 type: TYPE_MESSAGE type_name: ".google.protobuf.Timestamp" label: LABEL_OPTIONAL } }
message_type { name: "Condition"
  field { name: "type" number: 1 type: TYPE_STRING label: LABEL_OPTIONAL }
  field { name: "message" number: 2 type: TYPE_STRING label: LABEL_OPTIONAL }
  field { name: "updated_at" number: 3 type: TYPE_MESSAGE type_name: ".google.protobuf.Timestamp" label: LABEL_OPTIONAL } }
message_type { name: "GetLampRequest"
  field { name: "id" number: 1 type: TYPE_STRING label: LABEL_OPTIONAL } }
message_type { name: "GetLampResponse"
  field { name: "lamp" number: 1 type: TYPE_MESSAGE type_name: ".things.v1.Lamp" label: LABEL_OPTIONAL } }
message_type { name: "ListLampsRequest"
  field { name: "page_token" number: 1 type: TYPE_STRING label: LABEL_OPTIONAL }
  field { name: "updated_after" number: 2 type: TYPE_MESSAGE type_name: ".google.protobuf.Timestamp" label: LABEL_OPTIONAL } }
message_type { name: "ListLampsResponse"
  field { name: "next_page_token" number: 1 type: TYPE_STRING label: LABEL_OPTIONAL }
  field { name: "lamps" number: 2 type: TYPE_MESSAGE type_name: ".things.v1.Lamp" label: LABEL_REPEATED } }
"""  # noqa: E501 - a table


def _register() -> dict[str, MessageClass]:
    file = text_format.Parse(SOURCE, FileDescriptorProto())
    pool = descriptor_pool.Default()
    pool.AddSerializedFile(file.SerializeToString())
    return {
        message.name: GetMessageClass(pool.FindMessageTypeByName(f"things.v1.{message.name}"))
        for message in file.message_type
    }


_classes = _register()
Thing: MessageClass = _classes["Thing"]
Part: MessageClass = _classes["Part"]
Lamp: MessageClass = _classes["Lamp"]
Condition: MessageClass = _classes["Condition"]
GetLampResponse: MessageClass = _classes["GetLampResponse"]
ListLampsRequest: MessageClass = _classes["ListLampsRequest"]
ListLampsResponse: MessageClass = _classes["ListLampsResponse"]

GET_LAMP: MethodSpec[Any, Any] = MethodSpec(
    "things.v1.LampService", "GetLamp", _classes["GetLampRequest"], GetLampResponse
)
LIST_LAMPS: MethodSpec[Any, Any] = MethodSpec(
    "things.v1.LampService", "ListLamps", ListLampsRequest, ListLampsResponse
)
LAMP: Lifecycle[Any] = Lifecycle(
    name="lamp",
    resource_type=Lamp,
    get=GET_LAMP,
    get_id="id",
    envelope="lamp",
    resource_id="id",
    state="status.state",
    ready=("STATE_READY",),
    failed=("STATE_FAILED",),
    in_error=("STATE_ERROR",),
    deleting=("STATE_DELETING",),
    disabled="disabled",
    created_at="status.created_at",
    updated_at="status.updated_at",
    conditions="status.conditions",
    condition_updated_at="updated_at",
    listing=Listing(method=LIST_LAMPS, items="lamps", updated_after="updated_after", is_paged=True),
)


def lamp(
    state: str = "STATE_CREATING", *, at: float = 0, name: str = "a", born: int = 0
) -> MessageClass:
    """Return a lamp in a state that was reached at an instant, made at another, in seconds."""
    made = Lamp(id=name, status={"state": state, "created_at": {"seconds": born}})
    made.status.updated_at.FromNanoseconds(round(at * 1e9))
    return made
