"""The phases of the experiment, each a function of a run directory and options."""
