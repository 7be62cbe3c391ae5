"""The engine standalone: the network as a compiled C++ program."""
