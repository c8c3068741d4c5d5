"""Responses that are too long to be decoded in one go."""
