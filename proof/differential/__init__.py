"""Decisions of the handler's engine compared with those of Cedar's own reference build, on random cases."""
