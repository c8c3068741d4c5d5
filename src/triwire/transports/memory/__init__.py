"""Calls a service object in this process: no sockets, but real bytes both ways."""
