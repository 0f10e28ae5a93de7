"""What decides open connections again."""
