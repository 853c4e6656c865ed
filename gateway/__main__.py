"""`python -m gateway` is the command `voicegw`."""

from gateway.cli.main import main

main()
