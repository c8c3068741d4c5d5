"""`python -m tests.fuzz.child TARGET LIBFUZZER-ARGUMENTS...`: one target under atheris."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

# Not installed everywhere, and without types.
atheris: Any = importlib.import_module("atheris")

with atheris.instrument_imports(include=["triwire.codec", "triwire.transcode"]):
    from tests.fuzz.oracles import ORACLES

if __name__ == "__main__":
    target = sys.argv.pop(1)
    # libFuzzer starts itself again to merge corpora, by the name that it was called by.
    sys.argv[0] = os.environ.get("FUZZ_LAUNCHER", sys.argv[0])
    # The first call builds tables; it must not count as slow.
    ORACLES[target](b"")
    atheris.enabled_hooks.add("RegEx")
    atheris.Setup(sys.argv, ORACLES[target])
    atheris.Fuzz()
