"""The life of users and groups, as Entra performs it, replayed against third-party SCIM servers in three ways.

`raw` sends Entra's requests straight at a server, `rfc` sends hand-written RFC 7644 requests of the same intention
straight at it, `us` sends Entra's requests through the filter in a real Envoy, and `us+` the same with the abilities that
an operator would configure for this server. After each step the state is read back from the server itself and judged.

    python -m scim_matrix --envoy=… --wasm=…      with tests/ and tests/envoy/ on PYTHONPATH
"""
