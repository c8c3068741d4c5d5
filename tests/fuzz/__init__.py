"""Coverage-guided fuzzing of what parses text from the network: `make fuzz`.

`oracles` has one function per target that takes any bytes and fails if a parser did what it must
not. `child` runs one of them under atheris (libFuzzer), `__main__` starts the children, and
`test_corpus` replays the corpora without atheris, as part of the test suite.
"""
