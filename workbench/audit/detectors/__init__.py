"""What votes on cells, and how the votes become flagged cells."""
