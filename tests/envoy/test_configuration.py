"""A wrong configuration keeps Envoy from starting, and every error names its place and the remedy."""

import json
import re

import pytest
from harness.envoy import ENVIRONMENT, StartFailed
from harness.settings import changed


def refusal(start, configuration, **more) -> str:
    """What Envoy logged when it refused to start."""
    with pytest.raises(StartFailed) as failed, start(configuration, **more):
        pass
    log = failed.value.log
    assert "panicked" not in log and "RuntimeError" not in log, log
    return log


@pytest.mark.quick
@pytest.mark.core
def test_an_unknown_field_is_refused_with_a_suggestion(start, base):
    made = changed(base, "tenants.0.acess", {})
    log = refusal(start, made)
    assert re.search(r"tenants\W{1,2}0\W{0,2}\.acess", log) and "access" in log


# Values that are wrong each by itself; all are told at once, so few starts of Envoy try them all.
WRONG = {
    "tenants.0.scim.tokens.0.sha256": "not-a-digest",
    "tenants.0.scim.public_path": "no-slash",
    "tenants.0.scim.max_body_bytes": -1,
    "tenants.0.scim.application.cluster": "",
    "tenants.0.saml.identity_provider.certificates.0": "AAAA",
    "tenants.0.saml.identity_provider.sso_url": "not a URL",
    "tenants.0.saml.clock_skew_seconds": 100_000_000,
    "tenants.0.saml.acs_path": "relative",
    "tenants.0.session.lifetime_seconds": 0,
    "tenants.0.access.rules.0.access": "open",
    "tenants.0.access.identity_headers.0.name": "x user",
    "tenants.0.access.identity_headers.1.value": "{nobody}",
    "keys.0.secret": {"value": "short"},
    "host.native_crypto": "maybe",
}
MISSING = {
    "keys": [],
    "tenants.0.public_url": ...,
    "tenants.0.saml.identity_provider.certificates": ...,
    "tenants.0.scim.application.credential": ...,
}


def all_changed(base, changes):
    for where, value in changes.items():
        base = changed(base, where, value)
    return base


def is_named(where, log):
    """Whether a line of the log names this place, whatever the brackets around the numbers."""
    way = r"\W{1,2}".join(rf"{step}\]?" if step.isdigit() else re.escape(step) for step in where.split("."))
    return re.search(way, log)


@pytest.fixture(scope="module")
def log_of_wrong(start, base):
    return refusal(start, all_changed(base, WRONG))


@pytest.fixture(scope="module")
def log_of_missing(start, base):
    return refusal(start, all_changed(base, MISSING))


@pytest.mark.parametrize("where", WRONG)
def test_a_wrong_value_is_refused_and_its_place_named(log_of_wrong, where):
    assert is_named(where, log_of_wrong), log_of_wrong


@pytest.mark.parametrize("where", MISSING)
def test_a_missing_value_is_refused_and_its_place_named(log_of_missing, where):
    assert is_named(where, log_of_missing), log_of_missing


@pytest.mark.core
def test_all_errors_are_told_at_once(start, base):
    made = changed(base, "tenants.0.scim.tokens.0.sha256", "x")
    made = changed(changed(made, "tenants.0.public_url", "nonsense"), "tenants.0.session.lifetme", 5)
    log = refusal(start, made)
    assert all(word in log for word in ("sha256", "public_url", "lifetme"))


@pytest.mark.core
def test_a_secret_that_the_environment_lacks_is_refused(start, base):
    environment = {name: value for name, value in ENVIRONMENT.items() if name != "VESTIBULE_KEY"}
    log = refusal(start, base, environment=environment)
    assert "VESTIBULE_KEY" in log and "host_env_keys" in log


def test_a_secret_is_never_in_the_log_or_the_dump(start, base):
    with start() as envoy:
        dump = envoy.admin("/config_dump")
    for secret in ENVIRONMENT.values():
        assert secret not in dump and secret not in envoy.log_text


def test_a_secret_in_the_configuration_is_taken_with_a_warning(start, base, app):
    made = changed(base, "keys.0.secret", {"value": "an-inline-master-key-0123456789-abcdef"})
    with start(made) as envoy, envoy.h1() as client:
        assert client.request("GET", "/public/x").status == 200
        assert re.search(r"warn", envoy.wait_for_log(r"keys\W{1,2}0"), re.I)
    assert "an-inline-master-key" not in envoy.log_text


@pytest.mark.parametrize("text", ["", "[]", "tenants: [", "{}", "a: &a [*a, *a]"])
def test_what_is_no_configuration_is_refused(start, text):
    refusal(start, text)


@pytest.mark.core
def test_a_struct_is_as_good_as_a_text(start, app, base):
    with start(as_struct=True) as envoy, envoy.h1() as client:
        assert client.request("GET", "/public/x").status == 200


def test_yaml_is_as_good_as_json(start, app, base):
    tenants = json.dumps(base["tenants"])
    text = f"# a comment\nkeys:\n  - {{id: k1, secret: {{env: VESTIBULE_KEY}}}}\ntenants: {tenants}\n"
    with start(text) as envoy, envoy.h1() as client:
        assert client.request("GET", "/public/x").status == 200
