"""`python -m gateway` is the command `voicegw`."""

from gateway.cli import main

main()
