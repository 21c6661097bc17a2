"""Asked exactly once: journal, runner and the sealed holdout."""
