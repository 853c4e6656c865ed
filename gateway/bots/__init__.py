"""Bundled bots: ordinary Pipecat bots, which run under Pipecat's own runner too."""
