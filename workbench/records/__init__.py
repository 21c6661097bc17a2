"""Records: one reader of tables, the sealed split, its ledger, where records come from."""
