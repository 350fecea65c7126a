"""Parts of tests/compat/differential."""
