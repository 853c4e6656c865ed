"""A fleet that two cores can't carry, under a simulated clock and network: the real placement, hosts and reconnecting.

Real are `gateway.bus.placing`, `gateway.front.places.hosts`, `gateway.hosting.desk`, and the firmware's
`call/session.c`, compiled as it is. Simulated are the clock, NATS, CPUs, and the media of a call (docs/scale.md).
"""
