"""The tables of devices and of connections."""
