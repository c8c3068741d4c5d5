"""The corpora and what the fuzzer found, replayed without it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz.oracles import ORACLES
from tests.fuzz.seeds import dictionary, seeds

CORPUS = Path(__file__).parent / "corpus"

# Each broke an oracle once; tests beside the parsers say what was wrong.
FINDINGS = [
    pytest.param("json", b'\0{"i32":1e' + b"9" * 40 + b" 5}", id="no JSON behind a huge number"),
    pytest.param("json", b'\2{"numbers":[0e4001]}', id="zero with a huge exponent"),
    pytest.param("json", b'\2{"numbers":[0e' + b"9" * 40 + b"]}", id="beyond Decimal's exponents"),
    pytest.param("json", b'\2{"numbers":[1e-400]}', id="a fraction that a double rounds to zero"),
    pytest.param(
        "json", b"\1" + b'{"child":' * 100 + b"{}" + b"}" * 100, id="the last level that is taken"
    ),
    pytest.param("json", b'\0{"null_value":1e3}', id="an unknown number of NullValue"),
    pytest.param("url", b"\0/v1/x?text=\xf1", id="bytes beyond ASCII"),
    pytest.param("url", b"\5/v1/.:all", id="a dot in front of a verb"),
    pytest.param("url", b"\5/v1//a:all", id="a leading slash in a deep wildcard"),
]


@pytest.mark.parametrize("target", ORACLES)
def test_the_oracles_hold_for_corpus_and_seeds(target: str) -> None:
    inputs = [path.read_bytes() for path in sorted((CORPUS / target).iterdir())]
    assert inputs
    for data in (*inputs, *seeds(target)):
        try:
            ORACLES[target](data)
        except Exception as error:
            error.add_note(f"{target}: {data!r}")
            raise


@pytest.mark.parametrize(("target", "data"), FINDINGS)
def test_findings_stay_fixed(target: str, data: bytes) -> None:
    ORACLES[target](data)


def test_seeds_and_words_are_there_for_every_target() -> None:
    for target in ORACLES:
        assert len(seeds(target)) > 10
        assert dictionary(target)


@pytest.mark.parametrize("target", ORACLES)
def test_corpora_stay_small(target: str) -> None:
    sizes = [path.stat().st_size for path in (CORPUS / target).iterdir()]
    assert len(sizes) < 1000
    assert sum(sizes) < 500_000
