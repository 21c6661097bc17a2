"""What votes on cells, a file each, and how votes become flagged cells.

`detector.py` has the one shape of a detector and how votes add up, `detection.py` what is done with both.

A threshold with "by trial" beside it was set by trial on the tuning tables of benchmarks/dirty_tables (orders,
employees and parcels); docs/audit_benchmark.md has the figures of the tables that it was not set on.
"""
