"""Where facts come from that are not in the request: tables and the team's own module."""
