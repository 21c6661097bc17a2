"""The Ray engine: another engine on every worker of a cluster."""
