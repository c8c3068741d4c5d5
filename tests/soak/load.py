"""Writers: creates, updates, deletes and creates anew, until each has had its effect."""

from __future__ import annotations

import asyncio
import random
import time
from typing import TYPE_CHECKING, Any

from coreweave_inference import Code, RpcError
from tests.soak.ledger import Ledger, name_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from coreweave_inference import AsyncInferenceClient
    from coreweave_inference_gen.coreweave.inference.v1alpha1.deployment_pb2 import Deployment

__all__ = ["Writers", "deployment_fields"]

_PAUSE_SECONDS = 0.05
# Shares of the writes; all others are updates.
_CREATE = 0.15
_DELETE = 0.15
# Share of creates that take an id that was deleted.
_ANEW = 0.5


def deployment_fields(gateway_id: str, name: str, *, maximum: int = 2) -> dict[str, Any]:
    """Return the fields of a deployment."""
    return {
        "name": name,
        "gateway_ids": [gateway_id],
        "runtime": {
            "engine": "vllm",
            "version": "0.8.5",
            "engine_config": {"max-model-len": "8192", "dtype": "bfloat16"},
        },
        "resources": {"instance_type": "gb200-4x", "gpu_count": 4},
        "model": {"name": "meta-llama/Llama-3.1-8B", "bucket": "models", "path": "llama"},
        "autoscaling": {"min": 1, "max": maximum},
        "traffic": {},
    }


class Writers:
    """All writers of a run; each id is written by one at a time.

    Args:
        clients: One per writer.
        gateway_id: Gateway of all deployments.
        ledger: Where writes are noted.
        numbers: Number of each id that exists, for its name.
        seed: Of the choices.
        per_second: Writes of all together.
        rest_seconds: How long an id is left alone after its deletion, before it may be used anew.
        settling_seconds: Latest stamp of a change's last step after its answer.
    """

    def __init__(
        self,
        clients: list[AsyncInferenceClient],
        *,
        gateway_id: str,
        ledger: Ledger,
        numbers: dict[str, int],
        seed: int,
        per_second: float,
        rest_seconds: float,
        settling_seconds: float,
    ) -> None:
        self._clients = clients
        self._gateway_id = gateway_id
        self._ledger = ledger
        self._numbers = numbers
        self._seed = seed
        self._pause = len(clients) / per_second
        self._rest = rest_seconds
        self._settling = settling_seconds
        self._free = sorted(numbers)
        self._gone: list[tuple[float, str]] = []
        self.calls = 0
        self.failures: dict[str, int] = {}

    async def run(self, until: float) -> None:
        """Write until a monotonic time; every write that was begun ends in its effect."""
        async with asyncio.TaskGroup() as group:
            for index, client in enumerate(self._clients):
                group.create_task(self._write(index, client, until))

    async def _write(self, index: int, client: AsyncInferenceClient, until: float) -> None:
        rng = random.Random(f"{self._seed}/writer {index}")  # noqa: S311 - repeatable
        while time.monotonic() < until:
            draw = rng.random()
            if draw < _CREATE:
                await self._create(client, rng)
            else:
                key = self._free.pop(rng.randrange(len(self._free)))
                if draw < _CREATE + _DELETE:
                    await self._delete(client, key)
                    self._gone.append((time.monotonic() + self._rest, key))
                else:
                    await self._update(client, key, rng)
                    self._free.append(key)
            await asyncio.sleep(rng.expovariate(1 / self._pause))

    async def _create(self, client: AsyncInferenceClient, rng: random.Random) -> None:
        if self._gone and self._gone[0][0] <= time.monotonic() and rng.random() < _ANEW:
            key = self._gone.pop(0)[1]
        else:
            key = f"{rng.getrandbits(32):08x}-0000-4000-8000-{rng.getrandbits(48):012x}"
            self._numbers[key] = len(self._numbers)
        version = self._ledger.begin(key, time.monotonic())
        fields = deployment_fields(self._gateway_id, name_of(self._numbers[key], version.number))

        async def create() -> None:
            await client.deployments.create(id=key, **fields)

        # The answer of an earlier attempt was lost: nobody else uses the id.
        await self._effect(create, done=Code.ALREADY_EXISTS)
        version.answered, version.wall_answered_ns = time.monotonic(), time.time_ns()
        self._free.append(key)

    async def _update(self, client: AsyncInferenceClient, key: str, rng: random.Random) -> None:
        version = self._ledger.begin(key, time.monotonic())
        name = name_of(self._numbers[key], version.number)
        fields = deployment_fields(self._gateway_id, name, maximum=rng.randint(2, 9))
        answers: list[Deployment] = []

        async def update() -> None:
            answers.append(await client.deployments.update(id=key, **fields))

        before = self._ledger.lives[key].versions[-2]
        await self._effect(update)
        version.answered, version.wall_answered_ns = time.monotonic(), time.time_ns()
        # Its last step came at the end of the transition, by a clock that is wrong by no more
        # than the skew, in units of a second at most.
        settled_ns = before.wall_answered_ns + round((self._settling + 1) * 1e9)
        version.is_bumped = answers[-1].status.updated_at.ToNanoseconds() > settled_ns

    async def _delete(self, client: AsyncInferenceClient, key: str) -> None:
        self._ledger.begin_deletion(key, time.monotonic())

        async def delete() -> None:
            await client.deployments.delete(key)

        await self._effect(delete, done=Code.NOT_FOUND)

    async def _effect(
        self, attempt: Callable[[], Awaitable[None]], *, done: Code | None = None
    ) -> None:
        """Try until it has had its effect."""
        while True:
            self.calls += 1
            try:
                await attempt()
            except RpcError as error:
                if error.code is done:
                    return
                self.failures[error.code.name] = self.failures.get(error.code.name, 0) + 1
                await asyncio.sleep(_PAUSE_SECONDS)
            else:
                return
