"""Streams with interceptors, retries or a token that changes around them."""
