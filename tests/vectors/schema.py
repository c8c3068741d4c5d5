"""The messages of transcode/schema.proto, built when a test first asks for them."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

from google.protobuf import (
    any_pb2,
    descriptor_pb2,
    descriptor_pool,
    duration_pb2,
    empty_pb2,
    field_mask_pb2,
    message_factory,
    struct_pb2,
    timestamp_pb2,
    wrappers_pb2,
)

FOLDER = Path(__file__).parent / "transcode"
PACKAGE = "triwire.vectors.v1"

# Imported for what they do to the pool: the schema refers to their messages.
WELL_KNOWN = (
    any_pb2,
    duration_pb2,
    empty_pb2,
    field_mask_pb2,
    struct_pb2,
    timestamp_pb2,
    wrappers_pb2,
)


@cache
def message_class(name: str) -> Any:
    """Return a message class of the schema by its short name."""
    _load()
    pool = descriptor_pool.Default()
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.{name}"))


@cache
def _load() -> None:
    buf = Path(sys.executable).parent / "buf"
    done = subprocess.run(
        [buf, "build", "schema.proto", "-o", "-#format=binpb"],
        cwd=FOLDER,
        capture_output=True,
        check=True,
    )
    pool = descriptor_pool.Default()
    for file in descriptor_pb2.FileDescriptorSet.FromString(done.stdout).file:
        if file.package == PACKAGE:
            pool.AddSerializedFile(file.SerializeToString())
