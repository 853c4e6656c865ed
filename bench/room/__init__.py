"""How a device in a room fares: what it understands, what it does unasked, what it hears over its own voice."""
