"""Which trial next: Optuna behind one door, its journal, the loop that feeds a queue, Pareto fronts, what comes out."""
