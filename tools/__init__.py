"""What runs on the maker's computer: flash, provision, monitor, devices, doctor, build.

Nothing here imports the gateway. Each tool runs by itself (`python -m tools.flash`) and as a command of `voicegw`.
"""
