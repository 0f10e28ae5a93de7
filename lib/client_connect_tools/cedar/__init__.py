"""Cedar text and its syntax tree."""
