"""Where calls can live: a pool of worker processes, or this process."""
