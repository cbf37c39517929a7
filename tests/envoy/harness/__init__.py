"""What the tests in real Envoy stand on: a proxy, applications behind it, clients before it, an identity provider."""
