"""The sync of device managers with the device inventory."""
