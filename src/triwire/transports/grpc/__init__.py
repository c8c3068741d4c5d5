"""gRPC over HTTP/2, through grpcio."""
