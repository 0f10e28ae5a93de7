"""The result of a replay, as text, HTML and charts."""
