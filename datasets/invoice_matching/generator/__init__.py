"""Makes the generated records of the pilot invoice_matching."""
