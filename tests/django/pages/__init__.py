"""An application with permissions of its own."""
