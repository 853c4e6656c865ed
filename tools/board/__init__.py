"""What a board on a port says and does, read and driven."""
