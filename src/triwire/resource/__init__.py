"""What generated resource classes stand on: requests from keywords, edit, waiting."""
