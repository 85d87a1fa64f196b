"""What the benchmark of releases is made of."""
