from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from triwire.watch.sentinels import StampIndex

KEYS = st.sampled_from(["a", "b", "c", "d"])
STEPS = st.lists(st.tuples(KEYS, st.integers(0, 20), st.booleans()), max_size=200)


@given(STEPS, st.integers(0, 20))
def test_it_gives_every_live_object_stamped_since_and_keeps_its_size(
    steps: list[tuple[str, int, bool]], since: int
) -> None:
    index, live = StampIndex(), dict[str, int]()
    for key, stamp, look in steps:
        live[key] = stamp
        index.add(stamp, key)
        if look:
            list(index.since(since))
        if index.needs_compaction(len(live)):
            index.rebuild((one, name) for name, one in live.items())
    found = {key for stamp, key in index.since(since) if live.get(key) == stamp}
    assert found == {key for key, stamp in live.items() if stamp >= since}
    assert not index.needs_compaction(len(live))


def test_pairs_come_in_the_order_of_their_stamps() -> None:
    index = StampIndex()
    for stamp in (3, 1, 2):
        index.add(stamp, "k")
    assert list(index.since(2)) == [(2, "k"), (3, "k")]


def test_many_new_pairs_are_merged_at_once() -> None:
    index = StampIndex()
    for stamp in range(100, 0, -1):
        index.add(stamp, "k")
    assert [stamp for stamp, _ in index.since(0)] == list(range(1, 101))


def test_leftovers_ask_for_compaction() -> None:
    index = StampIndex()
    for stamp in range(70):
        index.add(stamp, "k")
    assert index.needs_compaction(1)
