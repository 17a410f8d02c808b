"""One unit of patients from the first dose to the last visit; the main loop is ``simulate_unit`` in simulate.py."""
