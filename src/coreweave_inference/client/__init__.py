"""The client of the CoreWeave Inference API, sync and async, over any of the wires."""
