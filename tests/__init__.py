"""The tests; a package, so one of the same name among what is installed does not take its place."""
