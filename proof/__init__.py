"""Everything that proves the product and that users never need."""
