"""A bot at work: found, started, timed and ended."""
