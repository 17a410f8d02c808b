"""The report of a run: tables and figures as one HTML file. Computes nothing."""
