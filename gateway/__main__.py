"""`python -m gateway` is the command `voicegw`."""

from gateway.cli.entry import main

main()
