"""Corrections of what newcomers to Cedar write first; the engine says only what it cannot use."""
