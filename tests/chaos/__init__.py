"""Many calls over a network that delays, loses and refuses them."""
