"""The watch for half an hour against the emulator with its faults: `make soak`."""
