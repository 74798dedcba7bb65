"""What runs on the far side of the boundary: standard library only, no import from the rest of the project."""
