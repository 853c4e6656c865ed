"""Speech without a key or a download: recognition, intents, answers and synthesis."""
