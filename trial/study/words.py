"""What others call the keys and the actions of a study."""

from __future__ import annotations

KEYS = {
    "dose": "start_dose_mg", "dose_mg": "start_dose_mg", "start_dose": "start_dose_mg",
    "n": "patients", "sample_size": "patients", "subjects": "patients", "n_patients": "patients", "name": "id",
    "drug": "parameter_set", "model": "parameter_set", "parameters": "parameter_set", "duration": "treatment_days",
    "control": "reference_arm", "reference": "reference_arm", "comparator": "reference_arm", "rule": "dose_rule",
    "threshold": "response_threshold_1e9L", "eligibility": "screening", "compliance": "adherence",
    "withdrawal": "dropout", "simulations": "replicates", "trials": "replicates",
}  # fmt: skip
OPTIONS = {
    "up": "increase", "raise": "increase", "escalate": "increase", "augmenter": "increase", "erhöhen": "increase",
    "down": "decrease", "reduce": "decrease", "lower": "decrease", "reduzieren": "decrease", "réduire": "decrease",
    "hold": "interrupt", "pause": "interrupt", "withhold": "interrupt", "suspend": "interrupt",
    "same": "keep", "maintain": "keep", "stay": "keep", "continue": "keep",
    "goto": "move", "go": "move", "jump": "move", "wean": "taper", "withdraw": "taper",
    "discontinue": "stop", "end": "stop", "terminate": "stop", "stopp": "stop", "beenden": "stop",
}  # fmt: skip
