"""The command `voicegw`."""
