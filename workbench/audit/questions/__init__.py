"""The audit's questions, each answered in a section, and all of them together."""
