"""Iteration on versions: what a change did, what goes wrong and what to change next; development records only."""
