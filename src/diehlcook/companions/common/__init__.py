"""What the companions share: options that become constants, a run that is written to its folder, Brian2 with progress and interrupts."""
