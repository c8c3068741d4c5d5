"""Spellings that the API's documentation uses and its contract does not know.

The reference pages give a condition's status as "True", "False" or "Unknown" (after the
Kubernetes convention) or as a number; the contract's enum has STATUS_TRUE and so on. Numbers
and the contract's names are read by ProtoJSON itself.
"""

from __future__ import annotations

from typing import Final

__all__ = ["ENUM_ALIASES"]

# Full enum name -> spelling -> number.
ENUM_ALIASES: Final = {
    "coreweave.inference.v1alpha1.Condition.Status": {"Unknown": 0, "False": 1, "True": 2},
}
