"""The process that calls live in: their sessions, connections and sound."""
