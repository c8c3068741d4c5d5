"""Benchmarks against the peers. Ratios from one run are the result; times are only context."""
