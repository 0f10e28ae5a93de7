"""The decisions of policies for all users, times and places: the cases that they distinguish, as a table."""
