"""Earlier name of `benchmark.training.model_card`, kept for scripts; a program as well."""

from benchmark.training.model_card import main

__all__ = ["main"]

if __name__ == "__main__":
    raise SystemExit(main())
