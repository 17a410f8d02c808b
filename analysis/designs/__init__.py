"""Designs of trials, tried on a pool of patients who were simulated once under every arm."""
