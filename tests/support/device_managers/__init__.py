"""Local servers that speak the documented API of a device manager, over real connections, with faults on request."""
