"""Trackers of experiments, which listen to a run: TensorBoard, MLflow, Weights & Biases. None can fail or delay it."""
