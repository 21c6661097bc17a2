"""The data audit: records and their contract looked at before anything is decided on them."""
