"""Messages that are one text, as streams of them."""
