"""What several fronts have in common, over the bus; without NATS none of it is there."""
