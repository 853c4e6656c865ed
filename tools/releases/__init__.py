"""A firmware that can be written: its manifest, its images, where it comes from."""
