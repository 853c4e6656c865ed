"""What words mean: requests, numbers, days and times of spoken English. Text in, values out; no sound, no network."""
