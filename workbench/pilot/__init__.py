"""One use case on its way to production, and what was agreed of it."""
