"""A deployment service whose content the test decides, stamps included."""

from __future__ import annotations

import uuid
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from coreweave_inference_gen.coreweave.inference.v1alpha1 import deployment_pb2 as pb
from coreweave_inference_gen.coreweave.inference.v1alpha1 import deployment_triwire, status_pb2
from coreweave_inference_gen.coreweave.inference.v1alpha1.deployment_triwire import (
    DeploymentServiceMethods,
)
from triwire.errors import Code, RpcError
from triwire.server.service import MethodHandler, Service
from triwire.watch.events import Added, Deleted, Failed, Modified, Synced
from triwire.watch.stamps import NS_PER_SECOND, to_ns, to_timestamp

if TYPE_CHECKING:
    from collections.abc import Iterable

    from triwire._runtime import ServerContext
    from triwire.watch.events import Event

START_NS: Final = 1_700_000_000 * NS_PER_SECOND
KIND: Final = deployment_triwire._DEPLOYMENTS_KIND  # pyright: ignore[reportPrivateUsage]  # the generated one
GATEWAY: Final = str(uuid.UUID(int=1 << 100))


def key(name: str) -> str:
    """Return the id of the object that a test calls by a name."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, name))


def at_ns(seconds: float) -> int:
    """Return a stamp of the server's clock."""
    return START_NS + round(seconds * NS_PER_SECOND)


def deployment(
    name: str,
    updated: float,
    *,
    created: float = 0.0,
    content: str = "",
    state: str = "STATUS_READY",
    gateways: Iterable[str] = (GATEWAY,),
    owner: str = "org-a",
) -> pb.Deployment:
    """Return an object; times are seconds of the server's clock, `content` is what may change."""
    found = pb.Deployment()
    spec, status = found.spec, found.status
    spec.id, spec.name, spec.organization_id = key(name), name, owner
    spec.gateway_ids.extend(gateways)
    spec.runtime.engine = "vllm"
    spec.runtime.version = content
    spec.runtime.engine_config["max-model-len"] = "8192"
    spec.runtime.engine_config["tensor-parallel-size"] = "8"
    status.created_at.CopyFrom(to_timestamp(at_ns(created)))
    status.updated_at.CopyFrom(to_timestamp(at_ns(updated)))
    status.status = status_pb2.Status.Value(state)
    for kind in ("Ready", "Progressing"):
        condition = status.conditions.add(type=kind, reason="AsExpected", zone="US-EAST-04A")
        condition.last_update_time.CopyFrom(to_timestamp(at_ns(created)))
    return found


class Fleet:
    """Serves what it holds; answers can be replaced, one by one.

    Attributes:
        objects: By id.
        asked: Each request: ("list", updated_after in ns or None, parent_gateway_id), or
            ("get", id).
        answers: Taken by the next requests in place of the truth: items of a List, an error to
            raise, or None for the truth.
    """

    def __init__(self, *objects: pb.Deployment) -> None:
        self.objects: dict[str, pb.Deployment] = {}
        self.asked: list[tuple[Any, ...]] = []
        self.answers: deque[list[pb.Deployment] | RpcError | None] = deque()
        self.put(*objects)

    def put(self, *objects: pb.Deployment) -> None:
        """Add or replace objects."""
        self.objects.update((each.spec.id, each) for each in objects)

    def drop(self, *names: str) -> None:
        """Remove objects."""
        for name in names:
            del self.objects[key(name)]

    def service(self) -> Service:
        """Return what a wire serves."""
        return Service(
            DeploymentServiceMethods.LIST_DEPLOYMENTS.service,
            (
                MethodHandler(DeploymentServiceMethods.LIST_DEPLOYMENTS, self.list_deployments),
                MethodHandler(DeploymentServiceMethods.GET_DEPLOYMENT, self.get_deployment),
            ),
        )

    @property
    def lists(self) -> list[int | None]:
        """What each List asked from, in nanoseconds."""
        return [entry[1] for entry in self.asked if entry[0] == "list"]

    def list_deployments(
        self, request: pb.ListDeploymentsRequest, context: ServerContext, /
    ) -> pb.ListDeploymentsResponse:
        """Answer with what is later than `updated_after`, exclusive."""
        del context
        after = to_ns(request.updated_after) if request.HasField("updated_after") else None
        gateway = request.parent_gateway_id
        self.asked.append(("list", after, gateway))
        answer = self.answers.popleft() if self.answers else None
        if isinstance(answer, RpcError):
            raise answer
        if answer is None:
            answer = [
                each
                for each in self.objects.values()
                if (after is None or to_ns(each.status.updated_at) > after)
                and (not gateway or gateway in each.spec.gateway_ids)
            ]
        return pb.ListDeploymentsResponse(items=answer)

    def get_deployment(
        self, request: pb.GetDeploymentRequest, context: ServerContext, /
    ) -> pb.GetDeploymentResponse:
        """Answer with the object."""
        del context
        self.asked.append(("get", request.id))
        answer = self.answers.popleft() if self.answers else None
        if isinstance(answer, RpcError):
            raise answer
        found = answer[0] if answer else self.objects.get(request.id)
        if found is None:
            raise RpcError(Code.NOT_FOUND, "no such deployment")
        return pb.GetDeploymentResponse(deployment=found)


def brief(event: Event[pb.Deployment]) -> tuple[str, ...]:
    """Return what a test wants to know of an event."""
    match event:
        case Added(new):
            return ("added", new.spec.name, new.spec.runtime.version)
        case Modified(new, old):
            before = "?" if old is None else old.spec.runtime.version
            return ("modified", new.spec.name, before, new.spec.runtime.version)
        case Deleted(last):
            return ("deleted", last.spec.name, event.reason.value)
        case Synced(reason, keys):
            return ("synced", reason.value, str(len(keys)))
        case Failed(message):
            return ("failed", message)
        case _:
            return (type(event).__name__.lower(),)
