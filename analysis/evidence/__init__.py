"""Simulated beside published: results, scorecards, comparison, sensitivity, calibration."""
