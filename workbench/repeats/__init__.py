"""The same records asked several times: how often the answer stays the same."""
