"""Waiting for a connection in place of failing without one."""
