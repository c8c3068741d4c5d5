"""Each safety measure of the tracker, and how to take it out.

A mutant is a change of the source text: `old` must occur exactly once in the module, so a measure
that is rewritten cannot slip out of the gate unnoticed. It is applied while the module is loaded;
no file changes.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import CodeType, ModuleType

_PACKAGE = "triwire.watch"


@dataclass(frozen=True, slots=True)
class Mutant:
    """A measure taken out.

    Attributes:
        name: What is missing.
        module: Module of triwire.watch.
        old: Text that must occur exactly once.
        new: What stands there instead.
        profiles: Profiles of the simulation in which it shows within 60 seeds; none if it takes a
            directed test (what it guards against is too rare in a run of 45 minutes).
    """

    name: str
    module: str
    old: str
    new: str
    profiles: tuple[str, ...] = ()

    def mutate(self, source: str) -> str:
        """Give the changed source."""
        found = source.count(self.old)
        if found != 1:
            raise ValueError(
                f"mutant {self.name!r}: expected its text once in {self.module}, found it"
                f" {found} times: bring the table in {__name__} up to date"
            )
        return source.replace(self.old, self.new)


class _Loader(importlib.machinery.SourceFileLoader):
    def __init__(self, fullname: str, path: str, mutant: Mutant) -> None:
        super().__init__(fullname, path)
        self._mutant = mutant

    @override
    def get_code(self, fullname: str) -> CodeType:
        # Not the cached bytecode, and none is written.
        source = Path(self.path).read_text(encoding="utf-8")
        return compile(self._mutant.mutate(source), self.path, "exec")


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, mutant: Mutant) -> None:
        self._mutant = mutant

    @override
    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != f"{_PACKAGE}.{self._mutant.module}":
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.origin is not None:
            spec.loader = _Loader(fullname, spec.origin, self._mutant)
        return spec


def install(name: str) -> Mutant:
    """Load the modules of this process with a mutant in them, from now on.

    Raises:
        RuntimeError: The module has been imported already.
    """
    mutant = next(one for one in MUTANTS if one.name == name)
    if f"{_PACKAGE}.{mutant.module}" in sys.modules:
        raise RuntimeError(f"{mutant.module} has been imported already: install mutants first")
    sys.meta_path.insert(0, _Finder(mutant))
    return mutant


_IN = ("inside",)

MUTANTS: tuple[Mutant, ...] = (
    # -- the closed watermark
    Mutant(
        "closes at once instead of after the visibility bound",
        "watermark",
        "return bool(self.seen) and self.seen[0][0] + bound_seconds <= now",
        "return bool(self.seen)",
        _IN,
    ),
    Mutant(
        "closes by the end of the answer instead of its start",
        "cursor",
        "watermark.close(started=started,",
        "watermark.close(started=ended,",
    ),
    Mutant(
        "counts the bound from the start of the answer that showed the stamp",
        "cursor",
        "watermark.learn(top, at=ended)",
        "watermark.learn(top, at=started)",
    ),
    Mutant(
        "first watermark without a second full list",
        "watermark",
        "if self.closed_ns is None and not full:",
        "if False:",
    ),
    Mutant(
        "a Get moves the watermark",
        "tracker",
        "        self._denied_gets = 0\n        key = action.key\n",
        "        self._denied_gets = 0\n        key = action.key\n"
        "        if seen is not None:\n"
        "            self._cursor.watermark.learn(seen.updated_ns, at=ended)\n",
    ),
    Mutant(
        "cursor without guard",
        "options",
        "guard_ns: int = NS_PER_SECOND",
        "guard_ns: int = 0",
    ),
    Mutant(
        "stamps in the future are believed",
        "cursor",
        "if limit is None or one <= limit)",
        "if True)",
        ("future",),
    ),
    Mutant(
        "no median of fresh stamps beside the clocks",
        "plausible",
        "        return median_low(self._offsets) + duration_ns(arrived)",
        "        return None",
        ("future-ahead",),
    ),
    Mutant(
        "a server clock that steps back is not noticed",
        "plausible",
        "return now if now is not None and now + slack < closed_ns else None",
        "return None",
        ("step-back",),
    ),
    Mutant(
        "no ladder",
        "options",
        "ladder: tuple[tuple[float, float], ...] = ((60.0, 300.0), (600.0, 3600.0))",
        "ladder: tuple[tuple[float, float], ...] = ()",
        ("late-commits-rare-lists",),
    ),
    Mutant(
        "the visibility bound does not adapt",
        "pace",
        "before, self.seconds = self.seconds, min(self._most, self.seconds * 2)",
        "before = self.seconds",
        ("skew-30",),
    ),
    Mutant(
        "an old state shown for too long does not widen the bound",
        "mirror",
        '                self.count("stale_read")\n                self._bound.widen(started)\n',
        '                self.count("stale_read")\n',
        ("lag-20",),
    ),
    Mutant(
        "the bound never narrows again",
        "pace",
        "self.seconds = max(self._least, self.seconds / 2)",
        "pass",
    ),
    Mutant(
        "a late change does not reopen the watermark",
        "cursor",
        "if earliest_late_ns is not None:",
        "if False:",
        ("step-back-no-date",),
    ),
    # -- the tail
    Mutant(
        "asks from a crowded stamp without trying the server",
        "tail",
        "self.closed_ns, self._stage, self._step_ns = closed_ns, _Stage.PROBE, 0",
        "self.closed_ns, self._stage, self._step_ns = closed_ns, _Stage.SHORT, 0",
    ),
    Mutant(
        "a poll without guard may close",
        "cursor",
        "        if complete and asked_low:\n",
        "        if complete:\n",
    ),
    Mutant(
        "no guarded poll now and then at a crowded stamp",
        "tail",
        "if self._polls % _GUARDED_EVERY == 0:",
        "if False:",
    ),
    # -- merging
    Mutant(
        "an older state is accepted at first sight",
        "merge",
        "        return Verdict.HOLD\n    if started < max(",
        "        return Verdict.REGRESSED\n    if started < max(",
        _IN,
    ),
    Mutant(
        "a held state is accepted when seen again, however early",
        "merge",
        "if started < max(hold.first_started, row.accepted) + bound_seconds:",
        "if False:",
        ("lag-20", "inside"),
    ),
    Mutant(
        "a tie is accepted at once",
        "merge",
        "            if started >= row.accepted + bound_seconds:\n",
        "            if True:\n",
    ),
    Mutant(
        "a sighting of the known state does not drop the held one",
        "mirror",
        '            self.count("hold_dropped")\n            row.hold = None\n',
        '            self.count("hold_dropped")\n',
        ("lag-20",),
    ),
    Mutant(
        "a new incarnation passes as a change",
        "merge",
        "        return Verdict.RECREATED\n    if same_incarnation:",
        "        return Verdict.NEWER\n    if same_incarnation:",
        _IN,
    ),
    Mutant(
        "equal content is an event",
        "merge",
        "                return Verdict.TOUCHED\n",
        "                return Verdict.NEWER\n",
    ),
    Mutant(
        "the last of two states in one answer counts",
        "tracker",
        "        if other is not seen and (seen.created_ns, seen.updated_ns) >= (\n"
        "            other.created_ns,\n"
        "            other.updated_ns,\n"
        "        ):\n",
        "        if True:\n",
    ),
    Mutant(
        "no tolerance for stamps of another wire",
        "mirror",
        "return 0 if known_wire else WIRE_TOLERANCE_NS",
        "return 0",
        ("wires",),
    ),
    Mutant(
        "answers under way during a change of wire count as the new wire's",
        "mirror",
        "row.wire = self.wire if started >= self._wire_since else UNKNOWN_WIRE",
        "row.wire = self.wire",
        ("wires",),
    ),
    Mutant(
        "a regression keeps its epoch",
        "mirror",
        "            row.epoch += 1\n",
        "            pass\n",
        ("regress",),
    ),
    Mutant(
        "a version has what only one wire shows",
        "events",
        "            self.created_ns // NS_PER_SECOND,\n",
        "            self.created_ns,\n",
        ("restart-wires",),
    ),
    Mutant(
        "an incarnation of the same second keeps its epoch",
        "mirror",
        "    return one_ns // NS_PER_SECOND == other_ns // NS_PER_SECOND\n",
        "    return one_ns == other_ns\n",
    ),
    Mutant(
        "a resurrected object keeps its epoch",
        "mirror",
        "end.epoch + (0 if rises else 1)",
        "end.epoch",
        ("lag-20",),
    ),
    Mutant(
        "content that comes back under one stamp keeps its count",
        "rows",
        "self.count = counts.get(seen.fingerprint, -1) + 1",
        "self.count = 0",
    ),
    # -- deletions
    Mutant(
        "an absence deletes without a Get",
        "deletions",
        "            if not by_lists:\n                self._confirmations.ask(key, at=ended)\n",
        "            if not by_lists:\n"
        "                self._delete(rows[key], Reason.NOT_FOUND, ended)\n",
        ("truncated", "inside"),
    ),
    Mutant(
        "NOT_FOUND deletes however new the object is",
        "deletions",
        "            if started >= row.first_seen + bound:\n",
        "            if True:\n",
        _IN,
    ),
    Mutant(
        "objects just seen count as absent",
        "deletions",
        "if rows[key].first_seen + bound <= started)",
        "if True)",
        ("no-get",),
    ),
    Mutant(
        "a bare 404 is evidence of a deletion",
        "failures",
        "    if not failure.from_server:\n        return FailureClass.TRANSIENT\n",
        "",
        _IN,
    ),
    Mutant(
        "no tombstones",
        "merge",
        "        return Return.STALE\n",
        "        return Return.NEW\n",
        _IN,
    ),
    Mutant(
        "a Get that finds the object ends the suspicion too early",
        "deletions",
        "self._confirmations.ask(key, at=suspicion.started + bound)",
        "pass",
    ),
    Mutant(
        "no mass guard",
        "absences",
        "mass = len(missing) > max(options.mass_minimum, int(known * options.mass_share))",
        "mass = False",
    ),
    Mutant(
        "many absences in two lists need no probes",
        "deletions",
        "believed = not many or absences.probes_are_gone(live=rows)",
        "believed = True",
    ),
    Mutant(
        "two lists need not be the bound apart",
        "deletions",
        "elif believed and suspicion.lists > 1 and started >= suspicion.started + bound:",
        "elif believed and suspicion.lists > 1:",
    ),
    Mutant(
        "one list is enough where there is no Get",
        "deletions",
        "elif believed and suspicion.lists > 1 and started >= suspicion.started + bound:",
        "elif believed:",
    ),
    Mutant(
        "no sentinels",
        "deletions",
        "            whole = False\n",
        "            pass\n",
    ),
    Mutant(
        "sentinels inside the guard",
        "deletions",
        "floor = action.cursor_ns + self._options.guard_ns",
        "floor = action.cursor_ns + 1",
    ),
    Mutant(
        "objects in deletion are not watched",
        "mirror",
        "        if row.phase is Phase.DELETING:\n",
        "        if False:\n",
    ),
    Mutant(
        "an object outside the filter stays",
        "mirror",
        "        if not seen.selected:\n            self._leave(row, seen, ended=ended)\n"
        "            return\n",
        "",
        ("selector",),
    ),
    Mutant(
        "a deselected object comes back with an old state",
        "merge",
        "    return Return.RESELECTED if end.deselected else Return.RESURRECTED",
        "    return Return.NEW",
        ("selector", "lag-20"),
    ),
    # -- resuming, overlapping, failing
    Mutant(
        "reads at once after a restart",
        "tracker",
        "self._outage.resume_at_seconds = now + self._bound.seconds",
        "self._outage.resume_at_seconds = now",
        ("restart-checkpoint", "restart-write-ahead"),
    ),
    Mutant(
        "resumed is told before every suspicion is settled",
        "tracker",
        "and not self._deletions.open",
        "",
        ("restart-checkpoint",),
    ),
    Mutant(
        "ends are lost in a restart",
        "tracker",
        "mirror.tombstones.put(end.tombstone(now=now))",
        "pass",
    ),
    Mutant(
        "two lists at once",
        "tracker",
        "            self._list_busy = True\n",
        "            self._list_busy = False\n",
    ),
    Mutant(
        "another tenant's list is believed",
        "tracker",
        "if owner is None or self._owner in (None, owner):",
        "if True:",
    ),
    Mutant(
        "no back-off",
        "outage",
        "self.resume_at_seconds = at + max(wait, asked or 0.0, _LEAST_WAIT_SECONDS)",
        "pass",
    ),
    Mutant(
        "no full list after authentication came back",
        "tracker",
        "        if self._outage.recovered():\n",
        "        if self._outage.recovered() and False:\n",
    ),
    Mutant(
        "a List goes before every Get",
        "tracker",
        "if self._list_busy or (get is not None and self._list_was_last):",
        "if self._list_busy:",
        ("few-requests",),
    ),
    Mutant(
        "a rate limit does not slow down",
        "budget",
        "self._rate = max(_MIN_RATE, self._rate / 2)",
        "pass",
    ),
    # -- content
    Mutant(
        "unknown fields count as content",
        "canonical",
        "        form.DiscardUnknownFields()\n",
        "",
    ),
    Mutant(
        "timestamps count to the nanosecond",
        "canonical",
        "stamp.nanos -= rest",
        "pass",
    ),
    Mutant(
        "the order of a set counts",
        "canonical",
        "        values.sort(key=_order)\n",
        "        pass\n",
    ),
    Mutant(
        "the order of conditions counts",
        "canonical",
        "            elements.sort(key=order)\n",
        "            pass\n",
    ),
    Mutant(
        "the update stamp counts as content",
        "shape",
        "ignored=rules.ignored | {shape.updated},",
        "ignored=rules.ignored,",
    ),
)
