"""Names of the schemas of one document."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from triwire.plugin.model import Api, Enum, Message

__all__ = ["SchemaNames"]


class SchemaNames:
    """Gives each type a name that other types of the document do not change.

    A type of the document's package is named by its path (`Book_Cover`), one of another package
    with that package in front (`GoogleProtobufAny`), and whatever collides by its full name.

    Args:
        api: The files of the run.
        package: The document's.
    """

    def __init__(self, api: Api, package: str) -> None:
        self._names: dict[str, str] = {}
        self._taken: dict[str, str] = {}
        types: list[Message | Enum] = [*api.messages.values(), *api.enums.values()]
        own = [t for t in types if api.files[t.file].package == package]
        for found in own:
            self._take(found.full_name, "_".join(found.path))

    def of(self, full_name: str) -> str:
        """Return the name of a type."""
        if full_name not in self._names:
            words = full_name.replace("_", ".").split(".")
            self._take(full_name, "".join(word[:1].upper() + word[1:] for word in words))
        return self._names[full_name]

    def derived(self, full_name: str, suffix: str) -> str:
        """Return a name for another form of a type, such as `UpdateBookRequest_Body`."""
        name = f"{self.of(full_name)}_{suffix}"
        number = 1
        while name in self._taken:
            number += 1
            name = f"{self.of(full_name)}_{suffix}_{number}"
        self._taken[name] = full_name
        return name

    def _take(self, full_name: str, wish: str) -> None:
        name = wish if wish not in self._taken else full_name
        self._taken[name] = full_name
        self._names[full_name] = name
