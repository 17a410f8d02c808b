"""Who takes part: patients, their covariates, parameters and random streams. No equations, no protocol."""
