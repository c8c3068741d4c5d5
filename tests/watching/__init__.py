"""What tests of watches share: a scripted server, and clocks that go from poll to poll."""
