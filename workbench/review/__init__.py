"""Whether people decide what they must, label disputes, acceptance by users."""
