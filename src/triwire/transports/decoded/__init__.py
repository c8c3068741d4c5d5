"""Streams out of HTTP responses: the loop around what a protocol's decoder says."""
