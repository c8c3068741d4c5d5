"""Serve one service object as Connect, gRPC, gRPC-Web and REST."""
