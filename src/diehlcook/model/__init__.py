"""What the network is: constants, equations, protocol, wiring, and how they are built into one Brian2 network."""
