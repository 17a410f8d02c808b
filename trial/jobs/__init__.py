"""Work units, workers and what they leave on disk: from a study to the tables of a run."""
