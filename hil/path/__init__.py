"""The path between a board and the rig: impaired, watched, and read afterwards."""
