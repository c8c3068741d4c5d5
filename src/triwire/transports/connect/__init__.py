"""The Connect protocol and gRPC-Web, through connectrpc."""
