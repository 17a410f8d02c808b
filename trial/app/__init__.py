"""The composition root: what a command does, put together from cohorts, trial and analysis. No printing."""
