"""Parts of several constructs."""
