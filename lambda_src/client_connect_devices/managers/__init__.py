"""The device managers, one module each: how a list is asked for, and what a record says."""
