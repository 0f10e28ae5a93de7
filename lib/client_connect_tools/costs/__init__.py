"""What a handler and the constructs around it cost in a month."""
