"""Policy tests: cases in TOML, and what the policies say of them."""
