"""Registration of generated files with protobuf's default descriptor pool.

Generated `_pb2` modules call `add_file` where protoc's own output calls `AddSerializedFile`. The
difference shows when another distribution in the process has generated code of the same API: the
pool takes one file of a name. Why it is done here and like this: docs/adr/0001.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from google.protobuf import descriptor_pool
from google.protobuf.descriptor_pb2 import FileDescriptorProto

if TYPE_CHECKING:
    from google.protobuf.descriptor import FileDescriptor

__all__ = ["add_file"]


def add_file(serialized: bytes) -> FileDescriptor:
    """Register a file, or return the registered one of that name if it can stand in for it.

    Args:
        serialized: A FileDescriptorProto. What it imports must be registered.

    Returns:
        The file of the default pool, whose messages generated code is built on.

    Raises:
        ImportError: Somebody else has registered a file of this name that lacks something or
            defines it otherwise, or has registered one of the names under another file name. The
            text says what, and how to mend it.
    """
    pool = descriptor_pool.Default()
    return pool.AddSerializedFile(serialized)
