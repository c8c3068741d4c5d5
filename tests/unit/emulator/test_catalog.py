"""What the platform offers."""

from __future__ import annotations

import itertools

from coreweave_inference.emulator.catalog import DEFAULT_CATALOG, Catalog

SMALL = Catalog(
    zone_instance_types={"B": ("x", "y"), "A": ("x", "z")},
    engines={},
)


def test_a_gateway_without_zones_spans_all_of_them() -> None:
    assert SMALL.effective_zones([]) == ("A", "B")
    assert SMALL.effective_zones(["B"]) == ("B",)
    assert SMALL.instance_types([]) == {"x", "y", "z"}
    assert SMALL.instance_types(["B"]) == {"x", "y"}


def test_several_gateways_share_the_intersection_of_their_unions() -> None:
    assert SMALL.shared_instance_types([["A"], ["B"]]) == ("x",)
    assert SMALL.shared_instance_types([["A"], []]) == ("x", "z")
    assert SMALL.any_instance_types([["A"], ["B"]]) == ("x", "y", "z")
    assert SMALL.any_instance_types([]) == ()


def test_no_choice_of_gateways_leaves_a_deployment_without_instance_types() -> None:
    zones = DEFAULT_CATALOG.zones
    for count in range(1, len(zones) + 1):
        for chosen in itertools.combinations(zones, count):
            assert DEFAULT_CATALOG.shared_instance_types([zone] for zone in chosen)


def test_tables_are_sorted_and_hold_what_is_promised() -> None:
    for types in DEFAULT_CATALOG.zone_instance_types.values():
        assert list(types) == sorted(set(types))
    for engine in DEFAULT_CATALOG.engines.values():
        assert list(engine.config_keys) == sorted(set(engine.config_keys))
        assert list(engine.env_names) == sorted(set(engine.env_names))
    assert set(DEFAULT_CATALOG.engines) == {"vllm", "dynamo-vllm"}
    assert "VLLM_USE_FLASHINFER_MOE_FP4" in DEFAULT_CATALOG.engines["vllm"].env_names
    assert "max-model-len" in DEFAULT_CATALOG.engines["vllm"].config_keys
