"""The monthly cost of a handler and the constructs around it."""
