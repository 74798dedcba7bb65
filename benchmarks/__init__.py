"""The comparison of regimes, data sets and speed."""
