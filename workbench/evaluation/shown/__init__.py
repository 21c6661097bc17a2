"""Pictures and tables that people read."""
