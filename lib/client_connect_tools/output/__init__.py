"""Output to terminals and files."""
