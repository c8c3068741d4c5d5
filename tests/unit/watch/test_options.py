from __future__ import annotations

from typing import Any

import pytest

from triwire.watch.options import WatchOptions


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        pytest.param({"mode": "best"}, "mode: expected", id="unknown mode"),
        pytest.param({"idle_interval_seconds": 1.0}, "idle_interval_seconds", id="idle below fast"),
        pytest.param({"fast_interval_seconds": 0.0}, "fast_interval_seconds", id="no interval"),
        pytest.param(
            {"max_visibility_bound_seconds": 5.0}, "max_visibility_bound", id="bound above its end"
        ),
        pytest.param({"relist_interval_seconds": 9.0}, "relist_interval", id="relist out of range"),
        pytest.param({"jitter": 1.0}, "jitter", id="jitter of one"),
        pytest.param({"interval_growth": 0.5}, "interval_growth", id="shrinking interval"),
        pytest.param({"max_relist_duty": 0.0}, "max_relist_duty", id="no duty"),
        pytest.param({"guard_ns": -1}, "guard_ns", id="negative guard"),
        pytest.param({"ladder": ((0.0, 1.0),)}, "ladder", id="a rung without interval"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        WatchOptions(**settings)


def test_the_defaults_are_accepted() -> None:
    assert WatchOptions().mode == "auto"
