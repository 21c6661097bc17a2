"""The server engine: a model behind an OpenAI-compatible server."""
