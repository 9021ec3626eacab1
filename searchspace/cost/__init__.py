"""What a spec costs: traced on the module itself, and remembered from one command to the next."""
