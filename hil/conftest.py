"""Everything of the rig that pytest has to know."""

pytest_plugins = ("hil.plugin", "hil.fixtures")
