"""Steps: what was sent, what came of it, and whether that is right."""

import functools
import json

WIDTH = 110


def brief(value, width=WIDTH):
    """A value on one line, cut where it gets long."""
    text = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return text if len(text) <= width else text[: width - 1] + "…"


def step(label, title):
    """Marks a method as a step. It returns what was sent, what was received, and whether that is right."""

    def mark(method):
        @functools.wraps(method)
        def run(self):
            try:
                return method(self)
            # Whatever goes wrong in a step is the verdict on this step, and no reason to leave out the others.
            except Exception as problem:  # noqa: BLE001
                return "?", f"{type(problem).__name__}: {problem}", False

        run.label, run.title = label, title
        return run

    return mark


class Teller:
    """Runs steps and counts the verdicts."""

    def __init__(self):
        self.right = 0
        self.wrong = 0

    def tell(self, *steps):
        """Runs steps in order, one line each."""
        for each in steps:
            sent, received, is_right = each()
            self.right += is_right
            self.wrong += not is_right
            verdict = "right" if is_right else "WRONG"
            received = received if is_right is False else brief(received)
            print(f"{verdict}  {each.label}  {each.title} | sent: {brief(sent)} | received: {received}", flush=True)
