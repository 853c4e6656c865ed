"""What crosses between the processes, and what is said to clients; no module here knows a process."""
