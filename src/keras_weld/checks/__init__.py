"""Summary of a model and comparison of several, from their states and configs."""
