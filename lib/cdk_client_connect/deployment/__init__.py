"""New versions that take over step by step."""
