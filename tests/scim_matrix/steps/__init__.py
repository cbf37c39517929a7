"""The steps, in the order of a life."""

from . import changes, creation, groups, life, reads
from .step import Step

STEPS: list[Step] = [
    *reads.CONNECTION,
    *creation.CREATION,
    *reads.SEARCHES,
    *changes.CHANGES,
    *groups.STEPS,
    *life.STEPS,
]
assert len({step.title for step in STEPS}) == len(STEPS)
