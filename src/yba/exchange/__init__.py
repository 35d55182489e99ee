"""Exchange: other facilities and national systems."""
