"""Generated code of the CoreWeave Inference API; see docs/adr."""
