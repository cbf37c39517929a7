//! The files that `init` writes.

use crate::token;

use super::{Plan, SignOn, Trust};

const METADATA_CLUSTER: &str = "login_microsoftonline";

/// The plugin configuration.
pub(super) fn configuration(plan: &Plan) -> String {
    let mut text = format!(
        "# The configuration of Vestibule. It also stands in envoy.yaml, which is what Envoy reads; use this one for\n\
         # `vestibule check`, `vestibule entra`, and manifests. Every field: docs/configuration.md\n\
         \n\
         # Seals sessions. To rotate: vestibule keys rotate FILE\n\
         keys:\n\
         \x20 - {{id: k1, secret: {{env: VESTIBULE_KEY}}}}\n\
         \n\
         tenants:\n\
         \x20 - name: {}\n\
         \x20   # The address that browsers and Entra use; other hosts are refused.\n\
         \x20   public_url: {}\n",
        plan.name, plan.public_url
    );
    if let Some(path) = &plan.scim {
        text.push_str(&scim(plan, path));
    }
    if let Some(sign_on) = &plan.sign_on {
        text.push_str(&saml(plan, sign_on));
    }
    text.push_str(access(plan.sign_on.is_some()));
    text
}

fn scim(plan: &Plan, path: &str) -> String {
    let hash = token::hash(plan.token.as_bytes());
    let path = path.trim_end_matches('/');
    format!(
        "\n    # Provisioning. Entra's Tenant URL is public_url + public_path.\n\
         \x20   scim:\n\
         \x20     public_path: {path}/entra\n\
         \x20     # Hashes of secret tokens: vestibule token new. Several while one takes the place of another.\n\
         \x20     tokens:\n\
         \x20       - {}\n\
         \x20     # The application's own SCIM server: closed to everybody else.\n\
         \x20     application:\n\
         \x20       path: {path}\n\
         \x20       cluster: app\n\
         \x20       credential: {{bearer: {{env: APP_SCIM_TOKEN}}}}\n",
        token::entry("entra", &hash)
    )
}

fn saml(plan: &Plan, sign_on: &SignOn) -> String {
    let SignOn { directory, trust } = sign_on;
    let provider = match trust {
        Trust::Certificate(certificate) => format!(
            "\x20     identity_provider:\n\
             \x20       # Certificate (Base64); list the next one beside it before it is made the active one.\n\
             \x20       certificates: [\"{certificate}\"]\n"
        ),
        Trust::Metadata(id) => format!(
            "\x20     identity_provider:\n\
             \x20       # Certificates and addresses are read from Entra, and follow when it changes them.\n\
             \x20       metadata:\n\
             \x20         cluster: {METADATA_CLUSTER}\n\
             \x20         authority: login.microsoftonline.com\n\
             \x20         path: /{directory}/federationmetadata/2007-06/federationmetadata.xml?appid={id}\n\
             \x20       # Believed because the cluster verifies the server's certificate (see envoy.yaml).\n\
             \x20       trust: tls\n"
        ),
    };
    format!(
        "\n    # Sign-on. What goes into Entra's fields: vestibule entra vestibule.yaml\n\
         \x20   saml:\n\
         \x20     # Entra's Identifier (Entity ID).\n\
         \x20     entity_id: {}/saml\n\
         \x20     entra: {{tenant_id: {directory}}}\n{provider}",
        plan.public_url
    )
}

fn access(signed_in: bool) -> &'static str {
    if signed_in {
        "\n    access:\n      \
         # What the application is told; no client can send these.\n      \
         identity_headers:\n        \
         - {name: x-user, value: \"{name_id}\"}\n        \
         - {name: x-email, value: \"{claim:email}\"}\n      \
         # Cookies in which the application keeps logins of its own, such as JSESSIONID: they end with the session.\n      \
         application_cookies: []\n      \
         # The first rule that matches decides; without one the request is refused.\n      \
         rules:\n        \
         # - {path: {prefix: /public}, access: public}\n        \
         # - {path: {prefix: /admin}, access: signed_in, require: [{claim: roles, one_of: [admin]}]}\n        \
         - {path: {prefix: /}, access: signed_in}\n"
    } else {
        "\n    access:\n      \
         # The first rule that matches decides; without one the request is refused.\n      \
         rules:\n        \
         # The application keeps its own sign-in. With `saml`, write access: signed_in.\n        \
         - {path: {prefix: /}, access: public}\n"
    }
}

/// Envoy's configuration with it inside.
pub(super) fn envoy(plan: &Plan) -> String {
    let indented: String =
        configuration(plan)
            .lines()
            .skip(3)
            .map(|line| {
                if line.is_empty() {
                    "\n".to_owned()
                } else {
                    format!("                            {line}\n")
                }
            })
            .collect();
    let variables = if plan.scim.is_some() { "VESTIBULE_KEY, APP_SCIM_TOKEN" } else { "VESTIBULE_KEY" };
    let tls = match &plan.tls {
        Some((certificate, key)) => TLS
            .replace("@CERTIFICATE@", &certificate.display().to_string())
            .replace("@KEY@", &key.display().to_string()),
        None => NO_TLS.to_owned(),
    };
    let scim_route = plan.scim.as_ref().map(|path| SCIM_ROUTE.replace("@PATH@", path)).unwrap_or_default();
    let metadata = plan.sign_on.as_ref().is_some_and(|sign_on| matches!(sign_on.trust, Trust::Metadata(_)));
    let (host, port) = &plan.application;
    ENVOY
        .replace("@ADMIN_ADDRESS@", &plan.admin.ip().to_string())
        .replace("@ADMIN_PORT@", &plan.admin.port().to_string())
        .replace("@ADDRESS@", &plan.listen.ip().to_string())
        .replace("@PORT@", &plan.listen.port().to_string())
        .replace("@TLS@", &tls)
        .replace("@SCIM_ROUTE@", &scim_route)
        .replace("@WASM@", &plan.wasm.display().to_string())
        .replace("@VARIABLES@", variables)
        .replace("@CONFIGURATION@", &indented)
        .replace("@APP_HOST@", host)
        .replace("@APP_PORT@", &port.to_string())
        .replace("@CLUSTERS@", if metadata { ENTRA_CLUSTER } else { "" })
}

/// What Envoy's environment must hold.
pub(super) fn secrets(plan: &Plan) -> String {
    let mut text = format!(
        "# Secrets of Envoy's environment. Keep this file to yourself.\nVESTIBULE_KEY={}\n",
        plan.key
    );
    if plan.scim.is_some() {
        text.push_str(
            "# The token that the application's own SCIM server wants.\nAPP_SCIM_TOKEN=replace-me\n",
        );
    }
    text
}

const NO_TLS: &str = "        # No TLS: it listens on this machine only. For others, give it a transport_socket with your certificate.\n        - filters:\n";

const TLS: &str = r#"        - transport_socket:
            name: envoy.transport_sockets.tls
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext
              common_tls_context:
                alpn_protocols: [h2, http/1.1]
                tls_params: {tls_minimum_protocol_version: TLSv1_2}
                tls_certificates:
                  - certificate_chain: {filename: "@CERTIFICATE@"}
                    private_key: {filename: "@KEY@"}
          filters:
"#;

const SCIM_ROUTE: &str = "                        # The application's own SCIM server. Nobody reaches it but through the filter's `public_path`.
                        - match: {path_separated_prefix: @PATH@}
                          route: {cluster: app, timeout: 60s}
";

const ENTRA_CLUSTER: &str = r#"    # Whoever answers here decides who may sign in: the certificate is verified.
    - name: login_microsoftonline
      connect_timeout: 5s
      type: LOGICAL_DNS
      # It has IPv6 addresses; by default they alone would be tried, also where there is no IPv6.
      dns_lookup_family: ALL
      load_assignment:
        cluster_name: login_microsoftonline
        endpoints:
          - lb_endpoints:
              - endpoint: {address: {socket_address: {address: login.microsoftonline.com, port_value: 443}}}
      transport_socket:
        name: envoy.transport_sockets.tls
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext
          sni: login.microsoftonline.com
          common_tls_context:
            validation_context:
              trusted_ca: {filename: /etc/ssl/certs/ca-certificates.crt}
              match_typed_subject_alt_names: [{san_type: DNS, matcher: {exact: login.microsoftonline.com}}]
"#;

const ENVOY: &str = r#"# Envoy with Vestibule in front of one application. Check it: vestibule check envoy.yaml
admin:
  address: {socket_address: {address: "@ADMIN_ADDRESS@", port_value: @ADMIN_PORT@}}

static_resources:
  listeners:
    - name: public
      address: {socket_address: {address: "@ADDRESS@", port_value: @PORT@}}
      # The filter holds SCIM bodies and answers; this must be larger than its own limits (1 MB each by default).
      per_connection_buffer_limit_bytes: 2097152
      filter_chains:
@TLS@            - name: envoy.filters.network.http_connection_manager
              typed_config:
                "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                stat_prefix: public
                use_remote_address: true
                normalize_path: true
                merge_slashes: false        # `//` is refused by the filter, except where Entra's SCIM client sends it
                path_with_escaped_slashes_action: REJECT_REQUEST
                stream_idle_timeout: 300s
                request_timeout: 60s
                upgrade_configs: [{upgrade_type: websocket}]
                route_config:
                  virtual_hosts:
                    - name: app
                      domains: ["*"]        # unknown hosts are refused by the filter
                      routes:
@SCIM_ROUTE@                        - match: {prefix: /}
                          # No limit for a whole answer: downloads and streams of events end by five minutes of silence.
                          route: {cluster: app, timeout: 0s}
                http_filters:
                  - name: vestibule
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm
                      config:
                        name: vestibule
                        root_id: vestibule
                        # A panic costs one worker one second; never FAIL_OPEN, which would let requests pass unseen.
                        failure_policy: FAIL_RELOAD
                        # Held headers must still get body callbacks (Envoy 1.35 or newer).
                        allow_on_headers_stop_iteration: true
                        vm_config:
                          # Shared data belongs to the vm_id: keep it unique to Vestibule, and stable.
                          vm_id: vestibule
                          runtime: envoy.wasm.runtime.v8
                          code: {local: {filename: "@WASM@"}}
                          # Secrets by name: their values are not in /config_dump.
                          environment_variables: {host_env_keys: [@VARIABLES@]}
                        configuration:
                          "@type": type.googleapis.com/google.protobuf.StringValue
                          value: |
@CONFIGURATION@                  - name: envoy.filters.http.router
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router

  clusters:
    - name: app
      connect_timeout: 5s
      type: STRICT_DNS
      load_assignment:
        cluster_name: app
        endpoints:
          - lb_endpoints:
              - endpoint: {address: {socket_address: {address: "@APP_HOST@", port_value: @APP_PORT@}}}
@CLUSTERS@"#;
