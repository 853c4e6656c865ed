"""The media path of a device: RTP in, PCM out, and back."""
