"""The gRPC-Web protocol over plain HTTP."""
