"""What the platform offers: zones, instance types, engines. Data and pure look-ups.

The values are taken from what CoreWeave publishes (instance catalogue, examples of the
reference pages and of the Terraform provider). They are realistic, not a promise about what a
real organization is offered.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

__all__ = ["DEFAULT_CATALOG", "Catalog", "Engine"]


@dataclass(frozen=True, slots=True)
class Engine:
    """One inference engine.

    Attributes:
        versions: Semantic versions, the newest first.
        config_keys: Keys that `runtime.engine_config` may hold, sorted.
        env_names: Names that `runtime.engine_env` may hold, sorted.
    """

    versions: tuple[str, ...]
    config_keys: tuple[str, ...]
    env_names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Catalog:
    """Everything that the three parameters methods answer from.

    Attributes:
        zone_instance_types: Instance types by zone. Every zone is a gateway zone as well as a
            capacity claim zone. All zones share one type, so that no choice of gateways leaves
            a deployment without one.
        engines: Engines by name.
    """

    zone_instance_types: Mapping[str, tuple[str, ...]]
    engines: Mapping[str, Engine]

    @property
    def zones(self) -> tuple[str, ...]:
        """All zones, sorted."""
        return tuple(sorted(self.zone_instance_types))

    def effective_zones(self, zones: Collection[str]) -> tuple[str, ...]:
        """Return the zones that a gateway spans: its own, sorted, or all if it names none."""
        return tuple(sorted(zones)) if zones else self.zones

    def instance_types(self, zones: Collection[str]) -> frozenset[str]:
        """Return what deployments on one gateway may use: the union over its zones."""
        return frozenset(
            instance
            for zone in self.effective_zones(zones)
            for instance in self.zone_instance_types.get(zone, ())
        )

    def shared_instance_types(self, gateways: Iterable[Collection[str]]) -> tuple[str, ...]:
        """Return what is valid on every one of some gateways, sorted.

        Args:
            gateways: The zones of each gateway; at least one.
        """
        sets = [self.instance_types(zones) for zones in gateways]
        return tuple(sorted(name for name in sets[0] if all(name in other for other in sets)))

    def any_instance_types(self, gateways: Iterable[Collection[str]]) -> tuple[str, ...]:
        """Return what is valid on at least one of some gateways, sorted."""
        return tuple(sorted({name for zones in gateways for name in self.instance_types(zones)}))


_VLLM_CONFIG: Final = (
    "block-size",
    "dtype",
    "enable-auto-tool-choice",
    "enable-chunked-prefill",
    "enable-expert-parallel",
    "enable-prefix-caching",
    "gpu-memory-utilization",
    "kv-cache-dtype",
    "limit-mm-per-prompt",
    "max-model-len",
    "max-num-batched-tokens",
    "max-num-seqs",
    "pipeline-parallel-size",
    "quantization",
    "reasoning-parser",
    "seed",
    "speculative-config",
    "tensor-parallel-size",
    "tool-call-parser",
    "trust-remote-code",
)

_VLLM_ENV: Final = (
    "VLLM_ALLOW_LONG_MAX_MODEL_LEN",
    "VLLM_ATTENTION_BACKEND",
    "VLLM_LOGGING_LEVEL",
    "VLLM_USE_DEEP_GEMM",
    "VLLM_USE_FLASHINFER_MOE_FP4",
    "VLLM_USE_FLASHINFER_MOE_FP8",
    "VLLM_USE_V1",
)

DEFAULT_CATALOG: Final = Catalog(
    zone_instance_types={
        "RNO2A": ("gd-8xa100-i128", "gd-8xh100ib-i128"),
        "US-EAST-01A": ("gd-1xgh200", "gd-8xh100ib-i128", "gd-8xl40s-i128"),
        "US-EAST-04A": ("b200-8x", "gb200-4x", "gd-8xh100ib-i128", "gd-8xh200ib-i128"),
        "US-WEST-04A": (
            "b300-8x",
            "gb200-4x",
            "gb300-4x",
            "gd-8xh100ib-i128",
            "rtxp6000-8x",
        ),
    },
    engines={
        "dynamo-vllm": Engine(
            versions=("1.0.0-rc.1+crwv.2", "0.9.1+crwv.1", "0.9.0"),
            config_keys=tuple(sorted((*_VLLM_CONFIG, "router-mode"))),
            env_names=("DYN_LOG", "DYN_ROUTER_MODE", *_VLLM_ENV),
        ),
        "vllm": Engine(
            versions=("0.22.0+crwv.2", "0.22.0", "0.21.1", "0.8.5"),
            config_keys=_VLLM_CONFIG,
            env_names=_VLLM_ENV,
        ),
    },
)
