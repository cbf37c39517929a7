"""`docker compose up` as the example says, and then a person's life by real requests."""

import json
import time
import urllib.parse

FORGED = [("x-user", "mallory"), ("X_User", "mallory")]


def until(condition, seconds=60):
    """The first good answer; a part that is just starting is asked again."""
    end = time.monotonic() + seconds
    while True:
        try:
            if found := condition():
                return found
        except OSError:
            pass
        assert time.monotonic() < end, "nothing came of it"
        time.sleep(0.5)


def sign_in(site, somebody, user, page="/echo"):
    """Starts at a page, lets Entra answer, and posts its response; gives the last answer."""
    begun = somebody.open(page)
    assert begun.status == 302, begun.text
    location = begun.header("location")
    assert location.startswith(site.simulator), location
    order = {"user": user, "saml_request_url": location, "signing": "assertion"}
    relay = urllib.parse.parse_qs(urllib.parse.urlsplit(location).query)["RelayState"][0]
    answer = site.entra("POST", "sign-in", {**order, "relay_state": relay}).json()
    fields = {"SAMLResponse": answer["saml_response"], "RelayState": relay}
    return somebody.post_from_elsewhere(answer["acs_url"], fields)


def identity(answer):
    return {name.lower(): value for name, value in answer.json()["headers"] if name.lower().startswith(("x-user", "x_user", "x-email"))}


def test_1_all_parts_come_up_and_none_has_more_rights_than_it_needs(site):
    until(lambda: site.new_browser().open("/public/hello").status == 200)
    until(lambda: site.entra("GET", "users").status == 200)
    for name in site.compose("ps", "-q").stdout.split():
        seen = json.loads(site.engine.docker("inspect", name).stdout)[0]
        host = seen["HostConfig"]
        assert host["ReadonlyRootfs"] and host["CapDrop"] == ["ALL"] and not host["Privileged"], seen["Name"]
        assert seen["Config"]["User"] == "10001:10001"
        published = [binding["HostIp"] for ports in (host["PortBindings"] or {}).values() for binding in ports]
        assert set(published) <= {"127.0.0.1"}, published
        secrets = ("VESTIBULE_KEY=", "TOKEN=")
        assert not any(entry.startswith(secrets) for entry in seen["Config"]["Env"]), "a secret that `inspect` shows"


def test_2_nobody_gets_in_without_a_session_and_forged_headers_go_nowhere(site):
    before = site.new_browser().open("/echo", FORGED)
    assert before.status == 302 and before.header("location").startswith(site.simulator)
    public = site.new_browser().open("/public/hello?echo", FORGED)
    assert public.status == 200 and identity(public) == {}
    assert site.new_browser().fetch("/application-scim/Users").status in (401, 403)


def test_3_a_user_is_provisioned_signs_in_is_told_to_the_application_and_loses_the_session(site):
    report = site.entra("POST", "provision/on-demand", {"user": "ada"}).json()
    assert report["outcome"] == "success", report
    ada = site.new_browser()
    assert sign_in(site, ada, "ada").status == 303
    told = ada.open("/echo", FORGED)
    assert told.status == 200
    assert identity(told) == {"x-user": "ada@meadow.example", "x-email": "ada.ferngrove@meadow.example"}, told.text
    assert site.entra("PATCH", "users/ada", {"accountEnabled": False}).status == 200
    report = site.entra("POST", "provision/on-demand", {"user": "ada"}).json()
    assert report["outcome"] == "success", report
    assert ada.open("/echo").status == 302, "the session is over"
    assert ada.fetch("/echo").status == 401

    def log():
        text = site.compose("logs", "--no-color", "gateway").stdout
        return text if "event=revocation.deactivated" in text and "outcome=access.identified" in text else None

    # Envoy writes its access log every ten seconds.
    assert "ada@meadow" not in until(log), "names of people do not belong into a log"


def test_4_the_variant_with_grafana_tells_it_who_is_there(grafana):
    """Grafana's image cannot be had everywhere: what it would be told is told to the other application in its place."""
    until(lambda: grafana.new_browser().open("/public/hello").status == 200)
    until(lambda: grafana.entra("GET", "users").status == 200)
    mira = grafana.new_browser()
    assert sign_in(grafana, mira, "mira").status == 303
    told = mira.open("/echo", [("X-WEBAUTH-USER", "admin"), ("X-WEBAUTH-ROLE", "Admin")])
    headers = {name.lower(): value for name, value in told.json()["headers"]}
    assert headers["x-webauth-user"] == "mira@meadow.example"
    assert headers["x-webauth-email"] and headers["x-webauth-name"]
    assert headers.get("x-webauth-role") != "Admin", "the role is Entra's to give"
    gateway = grafana.compose("ps", "-q", "gateway").stdout.strip()
    networks = json.loads(grafana.engine.docker("inspect", gateway).stdout)[0]["NetworkSettings"]["Networks"]
    shown = grafana.compose("config").stdout
    assert [network["IPAddress"] for network in networks.values()] == ["10.213.81.2"]
    assert "GF_AUTH_PROXY_WHITELIST: 10.213.81.2" in shown, "Grafana believes headers from the gateway's address only"


def test_5_the_variant_with_grafana_is_one_that_compose_understands(site):
    variant = ["-f", site.files[1].replace("compose.yaml", "compose.grafana.yaml")]
    shown = site.compose(*variant, "config").stdout
    for part in ("grafana/grafana:", "GF_AUTH_PROXY_HEADERS_ENCODED", "APPLICATION: grafana"):
        assert part in shown, part
