"""Engines: what turns rendered prompts into replies."""
