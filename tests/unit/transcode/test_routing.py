"""The table of routes: what the vectors cannot say."""

from __future__ import annotations

from triwire.transcode.routing import RoutingTable


def test_a_path_may_have_more_segments_than_python_has_frames() -> None:
    table: RoutingTable[str] = RoutingTable()
    path = "/a" * 5000
    table.add("GET", path, "literals")
    table.add("GET", "/*" * 5000, "wildcards")
    table.add("GET", "/a/**", "rest")
    for asked, expected in (
        (path, "literals"),
        ("/b" + path[2:], "wildcards"),
        (path[:-2], "rest"),
        (path[2:] + "/b", "rest"),
    ):
        found = table.find("GET", asked)
        assert found is not None
        assert found.route == expected
