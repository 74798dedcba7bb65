"""Regimes side by side on the same tasks: cells, the rows that they make, tables, pictures and one page."""
