"""What `vestibule check` says of the listener filter that reads the TLS handshake is what Envoy does."""

import ssl

import pytest
from harness.client import H1

KEYS = [{"id": "k1", "secret": {"env": "VESTIBULE_KEY"}}]


def tenant(**chosen):
    """A tenant that lets everybody through."""
    rules = [{"path": {"prefix": "/"}, "access": "public"}]
    return {"name": "one", "public_url": "https://localhost:8443", "access": {"rules": rules}, **chosen}


def asked(envoy) -> int:
    """Status of a request whose handshake asks for `localhost`; 0 where the handshake comes to nothing."""
    try:
        with H1(envoy.tls_port, tls=True, host="localhost") as client:
            return client.request("GET", "/x").status
    except (ssl.SSLError, OSError):
        return 0


@pytest.mark.parametrize("inspector", [True, False])
def test_a_chain_that_matches_on_the_handshake_is_chosen_only_where_something_reads_it(start, app, inspector):
    envoy = start({"keys": KEYS, "tenants": [tenant()]}, tls_inspector=inspector)
    (chain,) = envoy.bootstrap["static_resources"]["listeners"][1]["filter_chains"]
    chain["filter_chain_match"] = {"server_names": ["localhost"]}
    with envoy:
        assert asked(envoy) == (200 if inspector else 0)


@pytest.mark.parametrize("inspector", [True, False])
def test_a_tenant_that_is_chosen_by_the_handshake_is_found_only_where_something_reads_it(start, app, inspector):
    chosen = tenant(hosts=["localhost"], sni=["localhost"])
    other = tenant(hosts=["localhost"], sni=["other.test"]) | {"name": "two", "public_url": "https://other.test"}
    with start({"keys": KEYS, "tenants": [chosen, other]}, tls_inspector=inspector) as envoy:
        assert asked(envoy) == (200 if inspector else 421)
