"""Files that are read: folders of policies, networks, TOML."""
