"""A pytest plugin that takes out one safety measure: see mutants.py. Only the gate loads it."""

from __future__ import annotations

import os

from tests.simulation import mutants

mutants.install(os.environ["TRIWIRE_MUTANT"])
