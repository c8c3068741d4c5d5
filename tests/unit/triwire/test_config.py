from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triwire.auth import bearer_header
from triwire.config import Endpoint, Proxy, first_set, proxy_for


@pytest.mark.parametrize(
    ("text", "url", "port", "prefix"),
    [
        pytest.param("https://api.example.com", "https://api.example.com", 443, "", id="https"),
        pytest.param("http://api.example.com/", "http://api.example.com", 80, "", id="slash"),
        pytest.param("https://h:8443/a/b/", "https://h:8443/a/b", 8443, "/a/b", id="prefix"),
        pytest.param("https://h:443", "https://h", 443, "", id="default port left out"),
        pytest.param("http://[::1]:8080", "http://[::1]:8080", 8080, "", id="ipv6"),
        pytest.param("http://127.0.0.1:1", "http://127.0.0.1:1", 1, "", id="ipv4"),
        pytest.param("HTTPS://Api.Example.COM", "https://api.example.com", 443, "", id="case"),
        pytest.param("http://my_service:80", "http://my_service", 80, "", id="underscore"),
    ],
)
def test_reads_endpoints(text: str, url: str, port: int, prefix: str) -> None:
    endpoint = Endpoint.parse(text)
    assert (endpoint.url, endpoint.port, endpoint.path_prefix) == (url, port, prefix)
    assert Endpoint.parse(endpoint.url) == endpoint


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("api.example.com", "scheme must be https or http", id="no scheme"),
        pytest.param("api.example.com:443", "scheme must be https or http", id="host as scheme"),
        pytest.param("ftp://h", "scheme must be https or http", id="other scheme"),
        pytest.param("https://", "no host name", id="no host"),
        pytest.param("https://h:99999", "malformed endpoint", id="port too large"),
        pytest.param("https://h:x", "malformed endpoint", id="port no number"),
        pytest.param("https://h:0", "port must be 1 to 65535", id="port zero"),
        pytest.param("https://h?a=b", "query or a fragment", id="query"),
        pytest.param("https://h#f", "query or a fragment", id="fragment"),
        pytest.param("https://h/a/../b", "plain path prefix", id="dot segment"),
        pytest.param("https://h/a b", "plain path prefix", id="space in prefix"),
        pytest.param("https://a b", "no host name", id="space in host"),
        pytest.param("http://[::1", "malformed endpoint", id="open bracket"),
        pytest.param("http://[h]", "malformed endpoint", id="name in brackets"),
        pytest.param("https://-h", "no host name", id="hyphen first"),
        pytest.param("", "scheme must be https or http", id="empty"),
    ],
)
def test_refuses_what_is_no_endpoint_and_says_why(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as caught:
        Endpoint.parse(text)
    assert '"https://host[:port][/prefix]"' in str(caught.value)


def test_a_password_in_the_endpoint_is_refused_and_not_repeated() -> None:
    with pytest.raises(ValueError, match="use token=") as caught:
        Endpoint.parse("https://user:hunter2@h")
    assert "hunter2" not in str(caught.value)


def test_an_endpoint_of_another_type_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="got int"):
        Endpoint.parse(8080)  # type: ignore[arg-type]  # the misuse under test


@given(st.text(max_size=60))
def test_any_text_is_an_endpoint_or_a_value_error(text: str) -> None:
    try:
        endpoint = Endpoint.parse(text)
    except ValueError:
        return
    assert Endpoint.parse(endpoint.url) == endpoint


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("http://localhost", True),
        ("http://127.8.0.1", True),
        ("http://[::1]", True),
        ("http://emulator.localhost", True),
        ("http://10.0.0.1", False),
        ("http://localhost.example.com", False),
    ],
)
def test_loopback_is_told_by_name_or_address(host: str, *, loopback: bool) -> None:
    assert Endpoint.parse(host).is_loopback is loopback


def test_the_first_variable_that_is_set_and_not_empty_wins() -> None:
    environ = {"A": "  ", "B": " x ", "C": "y"}
    assert first_set(["A", "B", "C"], environ) == "x"
    assert first_set(["A"], environ) is None


@pytest.mark.parametrize("token", ["", "a b", "a\n", '"a"', "tökén", "a\r\nx: y"])
def test_a_malformed_token_is_refused_without_being_shown(token: str) -> None:
    with pytest.raises(ValueError, match="no bearer token") as caught:
        bearer_header(token)
    assert not token.strip() or token not in str(caught.value)


def test_a_token_becomes_a_bearer_header() -> None:
    assert bearer_header("CW-SECRET-abc_1.2~3/4+5==") == (
        "authorization",
        "Bearer CW-SECRET-abc_1.2~3/4+5==",
    )
    with pytest.raises(TypeError, match="got bytes"):
        bearer_header(b"x")  # type: ignore[arg-type]  # the misuse under test


HTTPS = Endpoint.parse("https://api.example.com")
PROXIES = {"https_proxy": "http://a:1", "http_proxy": "http://b:2", "all_proxy": "http://c:3"}


@pytest.mark.parametrize(
    ("url", "environ", "expected"),
    [
        pytest.param("https://h", PROXIES, "http://a:1", id="https"),
        pytest.param("http://h", PROXIES, "http://b:2", id="http"),
        pytest.param("https://h", {"HTTPS_PROXY": "http://a:1"}, "http://a:1", id="upper case"),
        pytest.param(
            "https://h", {"HTTPS_PROXY": "http://a:1", "https_proxy": "http://b:2"}, "http://b:2",
            id="lower case wins",
        ),
        pytest.param("https://h", {"ALL_PROXY": "socks5h://c"}, "socks5h://c:1080", id="all"),
        pytest.param("https://h", {"https_proxy": "a:8080"}, "http://a:8080", id="no scheme"),
        pytest.param("https://h", {"https_proxy": "http://[::1]:1/"}, "http://[::1]:1", id="ipv6"),
        pytest.param("https://h", {"https_proxy": " "}, None, id="empty"),
        pytest.param("https://h", {"http_proxy": "http://b:2"}, None, id="of the other scheme"),
        pytest.param("http://h", {"HTTP_PROXY": "b:2"}, "http://b:2", id="http upper case"),
        pytest.param(
            "http://h", {"HTTP_PROXY": "b:2", "REQUEST_METHOD": "GET"}, None, id="httpoxy"
        ),
        pytest.param("https://127.0.0.2", PROXIES, None, id="loopback"),
        pytest.param("https://[::1]", PROXIES, None, id="ipv6 loopback"),
        pytest.param("https://a.localhost", PROXIES, None, id="localhost"),
    ],
)  # fmt: skip
def test_the_environment_names_the_proxy(
    url: str, environ: dict[str, str], expected: str | None
) -> None:
    found = proxy_for(Endpoint.parse(url), environ)
    assert (found and found.url) == expected


@pytest.mark.parametrize(
    ("url", "excepted", "direct"),
    [
        ("https://api.example.com", "*", True),
        ("https://api.example.com", "a, example.com", True),
        ("https://api.example.com", ".example.com", True),
        ("https://API.example.com", "EXAMPLE.com", True),
        ("https://example.com", ".example.com", True),
        ("https://badexample.com", "example.com", False),
        ("https://api.example.com", "api.example.com:443", True),
        ("https://api.example.com", "api.example.com:8443", False),
        ("https://10.1.2.3", "10.0.0.0/8", True),
        ("https://11.1.2.3", "10.0.0.0/8", False),
        ("https://10.1.2.3", "10.1.2.3", True),
        ("https://[fd00::1]", "fd00::/8", True),
        ("https://[fd00::1]:8443", "[fd00::1]:8443", True),
        ("https://[fd00::1]", "[fd00::1]", True),
        ("https://api.example.com", "", False),
        ("https://api.example.com", ",, ,", False),
    ],
)
@pytest.mark.parametrize("variable", ["no_proxy", "NO_PROXY"])
def test_no_proxy_lists_the_exceptions(
    variable: str, url: str, excepted: str, *, direct: bool
) -> None:
    found = proxy_for(Endpoint.parse(url), {"https_proxy": "http://a:1", variable: excepted})
    assert (found is None) == direct


def test_credentials_of_a_proxy_are_decoded_and_not_shown() -> None:
    found = proxy_for(HTTPS, {"https_proxy": "http://some%20user:p%40ss@a:1"})
    assert found is not None
    assert found == Proxy("http", "a", 1, "some user", "p@ss")
    assert found.url == "http://a:1"
    assert found.secret_url == "http://some%20user:p%40ss@a:1"  # noqa: S105 - no secret
    assert "p@ss" not in repr(found)


@pytest.mark.parametrize(
    "value",
    ["ftp://a", "http://:1", "http://a:0", "http://a:99999", "http://a/path", "http://[x]", "a b"],
)
def test_what_is_no_proxy_is_refused_by_the_name_of_its_variable(value: str) -> None:
    with pytest.raises(ValueError, match="https_proxy in the environment is no URL") as caught:
        proxy_for(HTTPS, {"https_proxy": value})
    assert value not in str(caught.value)
