"""A gate held: what is stale is run, the gate decides, and report, bundle and MLflow run say so."""
