"""Speed measurements, each a command."""
