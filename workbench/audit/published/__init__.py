"""An audit as a page, and what of it may be published."""
