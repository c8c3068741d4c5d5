"""Message codecs behind one interface: protobuf binary and ProtoJSON."""
