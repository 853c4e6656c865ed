"""A bot whose import fails."""

raise RuntimeError("broken at import")
