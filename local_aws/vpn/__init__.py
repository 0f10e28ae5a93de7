"""A Client VPN endpoint on this machine: a real OpenVPN server and real clients in network namespaces."""
