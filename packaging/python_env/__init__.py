"""The Python environment of this checkout: what the machine lacks, then .venv from the lock files, with uv.

Only the standard library is there yet. Nothing is resolved: each package's version and hash stands in a lock file, so
no later release changes what is installed.
"""
