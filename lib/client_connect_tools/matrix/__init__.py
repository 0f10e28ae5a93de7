"""What policies decide for whom, when and from where: the cases that they tell apart, as a table."""
