"""What commands found, in the forms that people and pipelines read."""
