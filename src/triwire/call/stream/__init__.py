"""Streaming calls: what generated clients give to their callers."""
