"""A fleet as a table, JSON and CSV, and as a page of HTML."""
