"""Tokens, organizations and roles."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from coreweave_inference.emulator.access import (
    DEVELOPMENT_ORGANIZATION,
    Access,
    Role,
    development_tokens,
    new_token,
)
from coreweave_inference.v1alpha1 import (
    CreateCapacityClaimRequest,
    CreateDeploymentRequest,
    CreateGatewayRequest,
    DeleteCapacityClaimRequest,
    DeleteDeploymentRequest,
    DeleteGatewayRequest,
    GetCapacityClaimParametersRequest,
    GetCapacityClaimRequest,
    GetDeploymentParametersRequest,
    GetDeploymentRequest,
    GetGatewayParametersRequest,
    GetGatewayRequest,
    ListCapacityClaimsRequest,
    ListDeploymentsRequest,
    ListGatewaysRequest,
    UpdateCapacityClaimRequest,
    UpdateDeploymentRequest,
    UpdateGatewayRequest,
)
from tests.unit.emulator.rig import Rig, failure
from triwire.errors import Code, RpcError
from triwire.server.service import ServerContext
from triwire.spec import Metadata

if TYPE_CHECKING:
    from google.protobuf.message import Message

READS = [
    ListGatewaysRequest,
    GetGatewayRequest,
    GetGatewayParametersRequest,
    ListDeploymentsRequest,
    GetDeploymentRequest,
    GetDeploymentParametersRequest,
    ListCapacityClaimsRequest,
    GetCapacityClaimRequest,
    GetCapacityClaimParametersRequest,
]
WRITES = [
    CreateGatewayRequest,
    UpdateGatewayRequest,
    DeleteGatewayRequest,
    CreateDeploymentRequest,
    UpdateDeploymentRequest,
    DeleteDeploymentRequest,
    CreateCapacityClaimRequest,
    UpdateCapacityClaimRequest,
    DeleteCapacityClaimRequest,
]


def call(rig: Rig, request_type: type[Message], token: str | None) -> Code | None:
    """Send an empty request and return the code of its error, if it has one."""
    headers = Metadata() if token is None else Metadata({"authorization": f"Bearer {token}"})
    for service in rig.services:
        for handler in service.methods:
            if handler.method.request_type is request_type:
                try:
                    handler.function(request_type(), ServerContext(handler.method, "test", headers))
                except RpcError as error:
                    return error.code
                return None
    pytest.fail(f"no method takes {request_type}")


def test_the_two_tables_name_all_methods(rig: Rig) -> None:
    methods = [handler.method for service in rig.services for handler in service.methods]
    assert {method.request_type for method in methods} == {*READS, *WRITES}


@pytest.mark.parametrize("request_type", [*READS, *WRITES])
def test_without_a_token_nothing_is_allowed(rig: Rig, request_type: type[Message]) -> None:
    assert call(rig, request_type, None) is Code.UNAUTHENTICATED
    assert call(rig, request_type, "unknown") is Code.UNAUTHENTICATED


@pytest.mark.parametrize("request_type", WRITES)
def test_a_viewer_cannot_write(rig: Rig, request_type: type[Message]) -> None:
    assert call(rig, request_type, "viewer") is Code.PERMISSION_DENIED
    # The empty request is refused for what it says only to those who may write.
    assert call(rig, request_type, "admin") is Code.INVALID_ARGUMENT


@pytest.mark.parametrize("request_type", READS)
def test_a_viewer_reads_what_an_admin_reads(rig: Rig, request_type: type[Message]) -> None:
    assert call(rig, request_type, "viewer") == call(rig, request_type, "admin")
    assert call(rig, request_type, "viewer") in {None, Code.INVALID_ARGUMENT}


@pytest.mark.parametrize("request_type", [*READS, *WRITES])
def test_a_user_without_a_role_can_do_nothing(rig: Rig, request_type: type[Message]) -> None:
    assert call(rig, request_type, "nobody") is Code.PERMISSION_DENIED


@pytest.mark.parametrize(
    ("headers", "text"),
    [
        pytest.param([], "no access token", id="none"),
        pytest.param([("authorization", "Basic YWRtaW4=")], "another scheme", id="scheme"),
        pytest.param([("authorization", "admin")], "another scheme", id="no-scheme"),
        pytest.param([("authorization", "Bearer ")], "unknown access token", id="empty"),
        pytest.param([("authorization", "Bearer ADMIN")], "unknown access token", id="case"),
        pytest.param(
            [("authorization", "Bearer admin"), ("authorization", "Bearer admin")],
            "expected one authorization header, got 2",
            id="two",
        ),
    ],
)
def test_a_malformed_credential_is_named(headers: list[tuple[str, str]], text: str) -> None:
    access = Access.parse("admin cw0001 admin")
    with pytest.raises(RpcError, match=text) as caught:
        access.authenticate(Metadata(headers))
    assert caught.value.code is Code.UNAUTHENTICATED


def test_the_scheme_has_no_case_and_spaces_are_dropped() -> None:
    access = Access.parse("admin cw0001 ADMIN")
    principal = access.authenticate(Metadata({"Authorization": "bearer  admin "}))
    assert (principal.organization, principal.role) == ("cw0001", Role.ADMIN)


def test_organizations_do_not_see_one_another(rig: Rig) -> None:
    mine, other = rig.client("admin"), rig.client("other")
    gateway = rig.gateway(mine)
    assert gateway.spec.organization_id == "cw0001"
    assert other.gateways.list() == []
    assert list(other.deployments.parameters().gateway_ids) == []
    failure(lambda: other.gateways.get(id=gateway.spec.id), Code.NOT_FOUND)
    failure(lambda: other.gateways.delete(id=gateway.spec.id), Code.NOT_FOUND)
    failure(
        lambda: other.gateways.update(
            id=gateway.spec.id, name="x", core_weave_auth={}, path_based_routing={}
        ),
        Code.NOT_FOUND,
    )
    failure(
        lambda: other.deployments.parameters(gateway_ids=[gateway.spec.id]), Code.INVALID_ARGUMENT
    )
    assert other.deployments.list(parent_gateway_id=gateway.spec.id) == []
    # Even the existence of an id is not told.
    theirs = rig.gateway(other, id=gateway.spec.id)
    assert theirs.spec.organization_id == "cw0002"
    assert mine.gateways.get(id=gateway.spec.id) == gateway


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param("", "no token", id="empty"),
        pytest.param("# only a comment\n\n", "no token", id="comments"),
        pytest.param("secret cw0001\n", "line 1: expected 'TOKEN ORGANIZATION ROLE'", id="words"),
        pytest.param("\nsecret cw0001 owner\n", "line 2: unknown role 'owner'", id="role"),
        pytest.param("secret acme admin\n", "line 1: 'acme' is no organization ID", id="org"),
        pytest.param("sec\u00e9ret cw0001 admin\n", "line 1: the token must be", id="token"),
        pytest.param("s cw0001 admin\ns cw0002 admin\n", "line 2: this token stands", id="twice"),
    ],
)
def test_a_malformed_tokens_file_is_refused_without_telling_tokens(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem) as caught:
        Access.parse(text)
    assert "secret" not in str(caught.value)


def test_development_tokens_are_random_and_ordered() -> None:
    first, second = new_token(), new_token()
    assert first != second
    assert first.startswith("CW-SECRET-")
    access = Access.parse(development_tokens(first, second))
    assert [principal.role for principal in access.principals.values()] == [Role.ADMIN, Role.VIEWER]
    organizations = {principal.organization for principal in access.principals.values()}
    assert organizations == {DEVELOPMENT_ORGANIZATION}
