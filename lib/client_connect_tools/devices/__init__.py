"""The tables of a device inventory, read and written from a machine that is not Lambda."""
