"""What recorded arrays say: readouts, history of a training, health; NumPy only."""
