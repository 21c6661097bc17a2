"""The pocket engine: a small language model in this process."""
