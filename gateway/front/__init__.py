"""The front process: HTTP, keys, mDNS, the page; it holds no media."""
