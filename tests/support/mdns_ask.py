"""Ask for gateways as a board does, and print each answer's addresses as a line of JSON: ADDRESS [--unicast].

A board asks from port 5353, and takes an address of the first answer that has some (RFC 6762, section 5.2);
`--unicast` asks as others do, to be answered alone (section 5.4). A second after the last answer it ends.
"""

from __future__ import annotations

import json
import socket
import sys

from zeroconf import DNSAddress, DNSIncoming, DNSOutgoing, DNSQuestion  # type: ignore[attr-defined]
from zeroconf.const import _CLASS_IN, _CLASS_UNIQUE, _FLAGS_QR_QUERY, _TYPE_PTR

GROUP = ("224.0.0.251", 5353)
SERVICE = "_voicegw._tcp.local."


def ask(own: str, *, unicast: bool) -> socket.socket:
    """Send the question from this address; gives the socket that hears the answers."""
    heard = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    heard.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    heard.bind(("", 5353))
    member = socket.inet_aton(GROUP[0]) + socket.inet_aton(own)
    heard.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
    heard.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(own))
    question = DNSOutgoing(_FLAGS_QR_QUERY)
    question.add_question(DNSQuestion(SERVICE, _TYPE_PTR, _CLASS_IN | (_CLASS_UNIQUE if unicast else 0)))
    heard.sendto(question.packets()[0], GROUP)
    return heard


def main() -> None:
    """Print what is answered."""
    heard = ask(sys.argv[1], unicast="--unicast" in sys.argv)
    heard.settimeout(10)
    while True:
        try:
            data, _ = heard.recvfrom(9000)
        except TimeoutError:
            return
        message = DNSIncoming(data)
        found = [r for r in message.answers() if isinstance(r, DNSAddress)]
        if message.is_query() or not found:
            continue
        family = {4: socket.AF_INET, 16: socket.AF_INET6}
        texts = [socket.inet_ntop(family[len(r.address)], r.address) for r in found]
        sys.stdout.write(json.dumps(texts) + "\n")
        heard.settimeout(1)


if __name__ == "__main__":
    main()
