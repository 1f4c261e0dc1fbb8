"""Bundles: a run in one file, whose numbers others can check (`bench submit`, `bench prove`)."""

from benchmark.bundle.proof import Mark, Mismatch, Proof
from benchmark.bundle.prove import proof_of, prove
from benchmark.bundle.read import open_run
from benchmark.bundle.write import Submitted, submit

__all__ = ["Mark", "Mismatch", "Proof", "Submitted", "open_run", "proof_of", "prove", "submit"]
