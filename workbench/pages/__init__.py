"""Pages and pictures: one frame, tables, filters and figures."""
