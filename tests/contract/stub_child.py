"""Runs the stub inside Envoy, as the emulator runs; ends when its parent does."""

from __future__ import annotations

import os
import threading

from tests.contract.stub import application

__all__ = ["app"]

app = application


def _end_with_parent() -> None:
    # stdin is a pipe that only the parent holds open: its end is the parent's, kill -9 included.
    os.read(0, 1)
    os._exit(1)


threading.Thread(target=_end_with_parent, name="lifeline", daemon=True).start()
