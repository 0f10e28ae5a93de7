"""What a replay found, as text, HTML and charts."""
