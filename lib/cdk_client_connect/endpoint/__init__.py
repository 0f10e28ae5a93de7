"""What is set at a Client VPN endpoint."""
