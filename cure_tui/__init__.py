"""What a person touches: the command line. Reads run folders, starts engines, holds no model."""

__version__ = "0.1.0"
