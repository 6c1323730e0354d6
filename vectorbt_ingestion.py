"""The documented Python API: `VectorBTIngestionValidator` and `VectorBTIngestionProcessor`."""

from autonama.documented import VectorBTIngestionProcessor, VectorBTIngestionValidator

__all__ = ["VectorBTIngestionProcessor", "VectorBTIngestionValidator"]
