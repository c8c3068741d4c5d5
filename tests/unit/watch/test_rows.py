from __future__ import annotations

from triwire.watch.rows import Tombstone, Tombstones


def end(key: str, at: float) -> Tombstone:
    return Tombstone(key, 0, 0, 0, at)


def test_the_oldest_ends_are_forgotten_above_the_limit() -> None:
    ends = Tombstones(limit=2)
    for at, key in enumerate(["a", "b", "a", "c"]):
        ends.put(end(key, float(at)))
    assert [one.key for one in ends] == ["a", "c"]
    assert len(ends) == 2


def test_ends_expire_by_their_age() -> None:
    ends = Tombstones(limit=10)
    for at, key in enumerate("abc"):
        ends.put(end(key, float(at)))
    ends.expire(before=1.0)
    assert [one.key for one in ends] == ["b", "c"]
    ends.expire(before=9.0)
    assert ends.get("c") is None


def test_a_key_that_lives_again_has_no_end() -> None:
    ends = Tombstones(limit=10)
    ends.put(end("a", 0.0))
    ends.discard("a")
    ends.discard("a")
    assert ends.get("a") is None
