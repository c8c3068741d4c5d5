"""protovalidate for messages whose runtime descriptors do without the rules' own files.

Generated `_pb2` modules of this project keep the bytes of every rule, but do not import the file
that declares predefined rules (docs/adr/0001). protovalidate needs that file, to tell such a rule
from a mistake; without it, it refuses to check the message at all.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from protovalidate import Validator

__all__ = ["validator_with"]


@functools.cache
def validator_with(rule_files: tuple[bytes, ...]) -> Validator:
    """Return a validator that knows the predefined rules of some files.

    The same one for the same files: it compiles the rules of a message on first sight and keeps
    them. It may be used by several threads at once.

    Args:
        rule_files: FileDescriptorProtos that extend the rules of buf/validate/validate.proto; that
            file and what it imports is taken from protovalidate itself.

    Raises:
        ImportError: protovalidate is not installed.
    """
    try:
        from protobuf.wkt import FileDescriptorProto, FileDescriptorSet
        from protovalidate import Validator, ViolationPb
    except ImportError as error:
        raise ImportError(
            "validation needs protovalidate: install it with `pip install 'triwire[validate]'`"
        ) from error
    known = ViolationPb.desc().file
    files = [dependency.proto for dependency in known.dependencies]
    files += [known.proto, *map(FileDescriptorProto.from_binary, rule_files)]
    return Validator(FileDescriptorSet(file=files).to_registry())
