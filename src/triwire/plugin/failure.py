"""The error that ends a run with a text for the user."""

from __future__ import annotations

__all__ = ["PluginError"]


class PluginError(Exception):
    """Something in the options or the .proto files that no code can be made of."""
