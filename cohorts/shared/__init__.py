"""Numbers that several parameter sets share, each written once."""
