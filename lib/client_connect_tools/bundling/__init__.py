"""The function's code: our package, its dependencies, the policies and the extra facts."""
