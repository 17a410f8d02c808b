"""Estimators on arrays, summaries per replicate, and the rows of estimates.parquet."""
