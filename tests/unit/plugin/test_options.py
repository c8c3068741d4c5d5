from __future__ import annotations

import pytest

from triwire.plugin.failure import PluginError
from triwire.plugin.options import Options, parse_options


@pytest.mark.parametrize(
    ("parameter", "expected"),
    [
        pytest.param("", Options(), id="nothing"),
        pytest.param("prefix=acme.gen", Options(prefix="acme.gen"), id="one option"),
        pytest.param(" prefix=acme ,", Options(prefix="acme"), id="spaces and an empty pair"),
        pytest.param("prefix=", Options(), id="an empty value"),
    ],
)
def test_reads_options(parameter: str, expected: Options) -> None:
    assert parse_options(parameter) == expected


@pytest.mark.parametrize(
    ("parameter", "text"),
    [
        pytest.param("prefx=a", r"unknown option 'prefx': allowed are prefix", id="unknown"),
        pytest.param("prefix", "expected prefix=value", id="without a value"),
        pytest.param("prefix=a,prefix=b", "given twice", id="twice"),
        pytest.param("prefix=a-b", "dotted Python package name, got 'a-b'", id="no package"),
        pytest.param("prefix=a..b", "got 'a..b'", id="an empty part"),
    ],
)
def test_refuses_what_it_cannot_read(parameter: str, text: str) -> None:
    with pytest.raises(PluginError, match=text):
        parse_options(parameter)
