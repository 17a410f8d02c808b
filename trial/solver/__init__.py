"""The door to the solver: ``solve(structure, parameters, state, events, times)``."""

from trial.solver.events import REASON, Events, Status
from trial.solver.kernel import method_of
from trial.solver.methods import reads_in_passing, solve

__all__ = ["REASON", "Events", "Status", "method_of", "reads_in_passing", "solve"]
