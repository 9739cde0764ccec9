"""Weight-space methods: pure functions of arrays, one a file, with declared traits."""
