"""The check that templates still have what was defined, whatever Aspects and overrides did."""
