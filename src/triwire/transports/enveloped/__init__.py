"""Calls in length-prefixed messages over HTTP: what Connect streams and gRPC-Web share."""
