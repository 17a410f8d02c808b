"""What a study may say: the records of a config, how they are read from YAML, and what is refused."""
