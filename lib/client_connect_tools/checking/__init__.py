"""What is wrong with policies, and what is probably not meant."""
