"""Latency, cost and robustness, always beside the baseline in the same run. `python -m bench --help`."""
