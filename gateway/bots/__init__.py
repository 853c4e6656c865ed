"""Bundled bots, and loading any other."""
