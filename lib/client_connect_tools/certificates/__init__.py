"""Certificates and revocation lists of a VPN, and when they expire."""
