"""A project with users of its own."""
