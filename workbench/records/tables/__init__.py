"""Tables in files: one reader, one reading of what their columns are."""
