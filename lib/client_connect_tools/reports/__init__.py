"""The findings of commands, in the forms that people and pipelines read."""
