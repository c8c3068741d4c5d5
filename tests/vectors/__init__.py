"""Language-neutral test vectors, and what loads them."""
