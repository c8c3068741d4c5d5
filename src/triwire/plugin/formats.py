"""What a field's options say about the form of its text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from google.api import field_info_pb2

if TYPE_CHECKING:
    from collections.abc import Mapping

    from google.protobuf.descriptor_pb2 import FieldOptions

__all__ = ["is_uuid"]


def is_uuid(options: FieldOptions, rules: Mapping[str, Any]) -> bool:
    """Tell whether a field holds a UUID: by google.api.field_info, or by its validation rule.

    Args:
        options: The field's.
        rules: Those of its options, as `triwire.plugin.validate` tells them.
    """
    info = options.Extensions[field_info_pb2.field_info]
    by_rule: Mapping[str, Any] = rules.get("string", {})
    return info.format == field_info_pb2.FieldInfo.UUID4 or bool(by_rule.get("uuid"))
