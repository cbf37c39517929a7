"""The steps, in the order of a life."""

from . import groups, life, reads, users
from .step import Step

STEPS: list[Step] = [*reads.CONNECTION, *users.CREATION, *reads.SEARCHES, *users.CHANGES, *groups.STEPS, *life.STEPS]
assert len({step.title for step in STEPS}) == len(STEPS)
