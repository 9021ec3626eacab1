"""How good a model looks before it is trained: zero-cost scores, a file each, and params and MACs as their baseline."""
