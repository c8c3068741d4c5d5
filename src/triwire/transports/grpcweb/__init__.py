"""gRPC-Web, through connectrpc."""
