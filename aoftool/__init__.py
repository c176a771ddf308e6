"""aoftool: inspect, check, repair and rewrite Valkey and Redis append-only files."""

__version__ = "0.1.0"

__all__ = ["__version__"]
