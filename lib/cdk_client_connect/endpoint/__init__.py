"""The settings of a Client VPN endpoint."""
