"""Search over private documents, served over HTTP on the loopback interface."""

# The package build puts its own version here.
__version__ = "0.0.0-dev"
