"""Client, emulator and command line of the CoreWeave Inference API."""
