"""Cedar: the policies, what they read, and their decisions."""
