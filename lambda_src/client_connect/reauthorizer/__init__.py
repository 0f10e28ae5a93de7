"""The function that decides open connections again."""
