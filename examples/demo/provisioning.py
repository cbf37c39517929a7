"""The first half of the story: what Entra sends, without the filter and with it."""

import json
import urllib.parse

from browser import call
from story import brief, step

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
ADSCIM_GROUP = "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


class Provisioning:
    """Steps a, b and c."""

    def __init__(self, stage):
        self.stage = stage
        self.raw = {}

    # a. Straight to the application: fails as it does in the field.

    @step("a1", "straight to the application: a group with Entra's own schema is refused")
    def raw_group(self):
        body = {"schemas": [GROUP, ADSCIM_GROUP], "displayName": "Raw"}
        answer = self.stage.scim_direct("POST", "/Groups", body)
        return f"POST /Groups {brief(body)}", said(answer), answer.status == 400

    @step("a2", "straight to the application: a manager as text is refused")
    def raw_manager(self):
        for name in ("raw-one", "raw-two"):
            answer = self.stage.scim_direct("POST", "/Users", {"schemas": [USER], "userName": name})
            self.raw[name] = answer.json()["id"]
        operation = {"op": "Add", "path": f"{ENTERPRISE}:manager", "value": self.raw["raw-two"]}
        answer = self._patch_direct(f"/Users/{self.raw['raw-one']}", operation)
        return f"PATCH {brief(operation)}", said(answer), answer.status == 400

    @step("a3", "straight to the application: the removal of one member fails, or empties the group")
    def raw_member(self):
        members = [{"value": self.raw[name]} for name in ("raw-one", "raw-two")]
        body = {"schemas": [GROUP], "displayName": "Raw", "members": members}
        self.raw["group"] = self.stage.scim_direct("POST", "/Groups", body).json()["id"]
        path = f"/Groups/{self.raw['group']}"
        operation = {"op": "Remove", "path": "members", "value": [{"$ref": None, "value": self.raw["raw-one"]}]}
        answer = self._patch_direct(path, operation)
        left = len(self.stage.scim_direct("GET", path).json().get("members") or [])
        return f"PATCH {brief(operation)}", f"{said(answer)}; members left: {left} of 2", left != 1

    def clean_up(self):
        """Takes away what the raw steps made, so that the cycle begins with an empty application."""
        for name, collection in (("group", "Groups"), ("raw-one", "Users"), ("raw-two", "Users")):
            if name in self.raw:
                self.stage.scim_direct("DELETE", f"/{collection}/{self.raw[name]}")

    # b. The credential.

    @step("b1", "Test Connection through Envoy succeeds")
    def test_connection(self):
        report = self.stage.entra("POST", "provision/test-connection").json()
        statuses = [entry["status"] for entry in report["entries"]]
        return report["entries"][0]["request"]["url"], f"HTTP {statuses}", report["outcome"] == "success"

    @step("b2", "a wrong token is refused with a SCIM error")
    def wrong_token(self):
        answer = self._through_envoy("/scim/v2/entra/Users?filter=userName+eq+%22x%22", "Bearer wrong")
        return "GET /Users, Authorization: Bearer wrong", said(answer), is_scim_401(answer)

    @step("b3", "no token is refused with a SCIM error")
    def no_token(self):
        answer = self._through_envoy("/scim/v2/entra/Users", None)
        return "GET /Users, no Authorization", said(answer), is_scim_401(answer)

    @step("b4", "the application's own SCIM path is closed, even with the application's token")
    def closed_path(self):
        tokens = [None, f"Bearer {self.stage.application_token}", f"Bearer {self.stage.entra_token}"]
        answers = [self._through_envoy("/app-scim/v2/Users", token) for token in tokens]
        closed = all(answer.status in (401, 403, 404) and "totalResults" not in answer.text for answer in answers)
        return "GET /app-scim/v2/Users", f"HTTP {[answer.status for answer in answers]}", closed

    # c. A cycle.

    @step("c1", "a whole provisioning cycle through Envoy succeeds")
    def cycle(self):
        report = self.stage.entra("POST", "provision/cycle").json()
        return self._verdict_of(report)

    @step("c2", "the user is there, with a real boolean")
    def user_created(self):
        user = self._user("ada")
        got = {"active": user.get("active"), "department": user.get(ENTERPRISE, {}).get("department")}
        right = got == {"active": True, "department": "Orchards"} and user["title"] == "Grafter"
        return 'POST /Users {"active":"True",...}', brief(got), right

    @step("c3", "the manager sent as text has become a reference")
    def manager_set(self):
        wanted = self._user("mira")["id"]
        manager = self._user("ada").get(ENTERPRISE, {}).get("manager")
        return (
            f'{{"path":"...:User:manager","value":"{wanted}"}}',
            brief(manager),
            (manager or {}).get("value") == wanted,
        )

    @step("c4", "the group is there with its members")
    def group_created(self):
        wanted = {self._user(name)["id"] for name in ("ada", "bo")}
        members = self._members()
        return 'POST /Groups {"schemas":[...,"http://...ADSCIM..."]}', f"{len(members)} members", members == wanted

    @step("c5", "a change arrives")
    def change(self):
        self.stage.entra("PATCH", "users/ada", {"jobTitle": "Head grafter"})
        sent, got, right = self._verdict_of(self.stage.entra("POST", "provision/cycle").json(), "update")
        title = self._user("ada")["title"]
        return sent, f"title: {title} ({got})", right and title == "Head grafter"

    @step("c6", "the removal of one member leaves the others")
    def member_removed(self):
        self.stage.entra("PATCH", "groups/orchard-crew", {"members": ["ada"]})
        sent, got, right = self._verdict_of(self.stage.entra("POST", "provision/cycle").json(), "change members")
        members = self._members()
        return sent, f"{len(members)} member left ({got})", right and members == {self._user("ada")["id"]}

    def _patch_direct(self, path, operation):
        return self.stage.scim_direct("PATCH", path, {"schemas": [PATCH], "Operations": [operation]})

    def _through_envoy(self, path, authorization):
        headers = [("Authorization", authorization)] if authorization else []
        return call("GET", self.stage.origin + path, headers, context=self.stage.context)

    def _user(self, name):
        query = urllib.parse.urlencode({"filter": f'userName eq "{name}@meadow.example"'})
        found = self.stage.scim_direct("GET", f"/Users?{query}").json().get("Resources") or [{}]
        return found[0]

    def _members(self):
        groups = self.stage.scim_direct("GET", "/Groups").json().get("Resources") or []
        crew = next((group for group in groups if group.get("displayName") == "Orchard crew"), {})
        return {member["value"] for member in crew.get("members") or []}

    def _verdict_of(self, report, about=""):
        entries = [entry for entry in report["entries"] if entry["request"]]
        of_interest = [entry for entry in entries if entry["what"].startswith(about)] or entries
        failures = [f"{entry['what']}: {entry['detail']}" for entry in entries if entry["outcome"] == "failure"]
        request = of_interest[-1]["request"]
        sent = (
            brief((request.get("body") or {}).get("Operations") or request["url"])
            if about
            else f"{len(entries)} requests"
        )
        got = f"HTTP {of_interest[-1]['status']}" if about else f"{len(entries) - len(failures)} succeeded"
        return sent, "; ".join(failures) or got, report["outcome"] == "success"


def said(answer):
    """Status and detail of an answer, in short."""
    detail = str(answer.json().get("detail") or "").splitlines()
    return f"HTTP {answer.status}" + (f" {brief(' '.join(detail))}" if detail else "")


def is_scim_401(answer):
    """A 401 as RFC 7644 and RFC 6750 want it."""
    schemas = answer.json().get("schemas")
    challenge = (answer.header("www-authenticate") or "").lower()
    is_error = (
        schemas == ["urn:ietf:params:scim:api:messages:2.0:Error"]
        and json.dumps(answer.json().get("status")) == '"401"'
    )
    return answer.status == 401 and is_error and challenge.startswith("bearer")
