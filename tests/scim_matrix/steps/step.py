"""A step: what there is beforehand, the requests in both spellings, and what there must be afterwards."""

from collections.abc import Callable
from dataclasses import dataclass

from ..scene import Scene
from ..words import FLAG, Operation, patch


@dataclass(frozen=True)
class Step:
    """One step. `entra` and `rfc` send by `scene.client`; `judge` notes problems in the scene."""

    title: str
    rules: str
    needs: frozenset[str]
    given: Callable[[Scene], None]
    entra: Callable[[Scene], None]
    rfc: Callable[[Scene], None]
    judge: Callable[[Scene], None]


Operations = list[Operation] | Callable[[Scene], list[Operation]]
Values = dict | Callable[[Scene], dict]


def made_by(scene: Scene, what):
    """What may depend on who was made."""
    return what(scene) if callable(what) else what


def change_user(
    title: str,
    rules: str,
    needs: str,
    *,
    had: Values | None = None,
    entra: Operations,
    rfc: Operations,
    then: Values,
    flag: bool = False,
) -> Step:
    """A PATCH of one user. `had` is what the user has beyond the usual, `then` what it must have afterwards.

    A correct client sends nothing where it has no operation.
    """

    def given(scene: Scene) -> None:
        scene.user(**(made_by(scene, had) or {}))
        scene.before = scene.state(f"/Users/{scene.made['user']}")

    def send(operations: Operations, query: str = "") -> Callable[[Scene], None]:
        def sender(scene: Scene) -> None:
            path, made = f"/Users/{scene.made['user']}{query}", made_by(scene, operations)
            if made or operations is entra:
                scene.client.send("PATCH", path, patch(made))

        return sender

    def judge(scene: Scene) -> None:
        if scene.succeeded():
            scene.expect(f"/Users/{scene.made['user']}", made_by(scene, then))

    query = f"?{FLAG}" if flag else ""
    return Step(title, rules, frozenset(needs.split()), given, send(entra, query), send(rfc), judge)
