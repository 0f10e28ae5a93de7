"""What several constructs are made of."""
