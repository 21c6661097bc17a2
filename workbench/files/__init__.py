"""What is read whole: files, strict YAML, keys of the environment; who and which commit."""
