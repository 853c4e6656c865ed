"""What several machines say to each other, over NATS: this room alone knows it."""
