"""Schemathesis on the emulator, with the OpenAPI document that it serves."""
