//! The commands of the command line beside `check`, `saml inspect` and `scim explain`, run as an operator runs them.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

const PLUGIN: &str = include_str!("vectors/check/plugin.yaml");
const ENVOY: &str = include_str!("vectors/check/envoy.yaml");
const DIRECTORY: &str = "11111111-2222-3333-4444-555555555555";

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vestibule"));
    command.args(arguments);
    command
}

fn run(arguments: &[&str]) -> Output {
    command(arguments).stdin(Stdio::null()).output().unwrap()
}

/// With this on standard input.
fn told(arguments: &[&str], input: &str) -> Output {
    let mut child = command(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("no JSON: {}", out(output)))
}

/// A folder of this test's own.
fn place(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("commands-{name}"));
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).unwrap();
    path
}

fn written(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

const COMMANDS: [&[&str]; 15] = [
    &["init"],
    &["entra"],
    &["doctor"],
    &["check"],
    &["token"],
    &["token", "new"],
    &["token", "hash"],
    &["keys"],
    &["keys", "new"],
    &["keys", "rotate"],
    &["saml"],
    &["saml", "inspect"],
    &["scim"],
    &["scim", "explain"],
    &["completions"],
];

#[test]
fn every_command_has_help_and_takes_json() {
    let whole = out(&run(&["--help"]));
    assert!(
        whole.contains("Examples:")
            && whole.contains("Exit codes: 0 good, 1 the answer is no, 2 wrong usage")
    );
    for path in COMMANDS {
        let help = run(&[path, &["--help"]].concat());
        assert_eq!(code(&help), 0, "{path:?}");
        assert!(out(&help).contains("--json"), "{path:?}");
        if path.len() == 1 {
            assert!(whole.contains(path[0]), "{path:?}");
            assert!(
                out(&help).contains("Examples:\n  ") && out(&help).contains("\n  vestibule "),
                "{path:?}: {}",
                out(&help)
            );
        }
    }
}

#[test]
fn what_is_no_command_is_wrong_usage() {
    for wrong in [
        &["nonsense"][..],
        &["check", "--nonsense", "x"],
        &["token", "nonsense"],
        &["keys"],
        &["doctor"],
        &[],
    ] {
        assert_eq!(code(&run(wrong)), 2, "{wrong:?}");
    }
}

#[test]
fn there_are_completions_for_every_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = run(&["completions", shell]);
        assert_eq!(code(&script), 0);
        assert!(out(&script).contains("doctor") && out(&script).contains("strict"), "{shell}");
    }
    assert_eq!(code(&run(&["completions", "tcsh"])), 2);
}

#[test]
fn a_token_and_the_hash_of_it_are_one_pair() {
    let made = json(&run(&["token", "new", "--name", "entra-2027", "--json"]));
    let token = made["token"].as_str().unwrap();
    assert_eq!(token.len(), 43);
    assert_eq!(made["configuration"]["name"], "entra-2027");
    let hashed = told(&["token", "hash", "--json", "--name", "entra-2027"], token);
    assert_eq!(json(&hashed)["configuration"], made["configuration"]);
    assert_eq!(json(&hashed)["warnings"], serde_json::json!([]));
    let text = out(&told(&["token", "hash"], &format!("{token}\r\n")));
    assert_eq!(text, format!("{{name: entra, sha256: {}}}\n", made["configuration"]["sha256"]));
    assert_ne!(json(&run(&["token", "new", "--json"]))["token"], made["token"]);
    assert!(out(&run(&["token", "new"])).starts_with("Paste into Entra (Secret Token):   "));
}

#[test]
fn a_token_that_can_be_guessed_is_warned_about_and_none_is_wrong_usage() {
    let short = told(&["token", "hash"], "short");
    assert_eq!(code(&short), 0);
    assert!(String::from_utf8_lossy(&short.stderr).contains("can be guessed"));
    assert_eq!(json(&told(&["token", "hash", "--json"], "short"))["warnings"].as_array().unwrap().len(), 1);
    assert_eq!(code(&told(&["token", "hash"], "")), 2);
}

#[test]
fn keys_are_made_and_no_two_are_alike() {
    let (one, two) = (out(&run(&["keys", "new"])), json(&run(&["keys", "new", "--json"])));
    assert_eq!(one.trim().len(), 43);
    assert_eq!(two["key"].as_str().unwrap().len(), 43);
    assert_ne!(one.trim(), two["key"]);
}

#[test]
fn a_rotation_puts_a_key_before_the_others_and_takes_the_oldest_away() {
    let folder = place("rotate");
    for (name, text) in [("config.yaml", PLUGIN), ("envoy.yaml", ENVOY)] {
        let file = written(&folder, name, text);
        let shown = run(&["keys", "rotate", &file]);
        assert_eq!(code(&shown), 0);
        assert!(out(&shown).contains("- {id: k2, secret: {env: VESTIBULE_KEY_K2}}\n"), "{}", out(&shown));
        assert_eq!(std::fs::read_to_string(&file).unwrap(), text, "only --write changes the file");
        let done = json(&run(&["keys", "rotate", &file, "--write", "--env", "NEXT_KEY", "--json"]));
        assert_eq!((done["variable"].as_str(), done["written"].as_bool()), (Some("NEXT_KEY"), Some(true)));
        assert_eq!(done["key"].as_str().unwrap().len(), 43);
        let changed = std::fs::read_to_string(&file).unwrap();
        let (new, old) =
            (changed.find("{id: k2, secret: {env: NEXT_KEY}}").unwrap(), changed.find("{id: k1,").unwrap());
        assert!(new < old);
        let before = changed.replace("VESTIBULE_KEY, NEXT_KEY,", "VESTIBULE_KEY,");
        assert_eq!(
            before.lines().filter(|line| !line.contains("NEXT_KEY")).collect::<Vec<_>>(),
            text.lines().collect::<Vec<_>>(),
            "nothing else has changed"
        );
        assert_eq!(done["handed_over"].as_bool(), Some(name == "envoy.yaml"));
        assert_eq!(
            out(&shown).contains("--write lists it under host_env_keys"),
            name == "envoy.yaml",
            "{}",
            out(&shown)
        );
        assert_eq!(out(&shown).contains("List it under host_env_keys"), name == "config.yaml");
        let errors = json(&run(&["check", &file, "--json"]))["files"][0]["problems"].clone();
        assert_eq!(errors, serde_json::json!([]), "what is written is good as it is");
        let retired = json(&run(&["keys", "rotate", &file, "--retire", "--write", "--json"]));
        assert_eq!(retired["retired"], "k1");
        let changed = std::fs::read_to_string(&file).unwrap();
        assert!(changed.contains("{id: k2,") && !changed.contains("{id: k1,"));
        assert_eq!(code(&run(&["keys", "rotate", &file, "--retire"])), 2, "the only key stays");
    }
}

#[test]
fn a_rotation_hands_the_new_variable_over_wherever_the_old_one_is() {
    let folder = place("rotate-handed-over");
    let block = "host_env_keys:\n                              - APP_SCIM_TOKEN\n                              - VESTIBULE_KEY\n                              - INTROSPECTION_SECRET";
    let lists =
        "environment_variables: {host_env_keys: [VESTIBULE_KEY, APP_SCIM_TOKEN, INTROSPECTION_SECRET]}";
    assert!(ENVOY.contains(lists));
    let in_lines =
        ENVOY.replace(lists, &format!("environment_variables:\n                            {block}"));
    for (name, text, expected) in [
        (
            "lines.yaml",
            in_lines.as_str(),
            "- VESTIBULE_KEY\n                              - VESTIBULE_KEY_K2\n",
        ),
        (
            "istio.yaml",
            include_str!("vectors/check/istio.yaml"),
            "{name: VESTIBULE_KEY_K2, valueFrom: HOST}\n",
        ),
        (
            "patch.yaml",
            include_str!("vectors/check/istio-filter.yaml"),
            "hostEnvKeys: [VESTIBULE_KEY, VESTIBULE_KEY_K2]",
        ),
        (
            "gateway.yaml",
            include_str!("vectors/check/gateway.yaml"),
            "hostKeys: [VESTIBULE_KEY, VESTIBULE_KEY_K2]",
        ),
    ] {
        let file = written(&folder, name, text);
        let done = json(&run(&["keys", "rotate", &file, "--write", "--json"]));
        let changed = std::fs::read_to_string(&file).unwrap();
        assert!(done["handed_over"] == true && changed.contains(expected), "{name}: {changed}");
        let found = json(&run(&["check", &file, "--json"]))["files"][0]["problems"].clone();
        assert_eq!(found, serde_json::json!([]), "{name}");
    }
    let odd = ENVOY.replace(lists, "environment_variables: {host_env_keys: [\n                            VESTIBULE_KEY, APP_SCIM_TOKEN, INTROSPECTION_SECRET]}");
    let file = written(&folder, "odd.yaml", &odd);
    let told = out(&run(&["keys", "rotate", &file, "--write"]));
    assert!(told.contains("List it under host_env_keys") && told.contains("VESTIBULE_KEY_K2="), "{told}");
}

#[test]
fn a_rotation_of_what_cannot_be_edited_line_by_line_is_refused() {
    let folder = place("rotate-refused");
    for (name, text) in [
        ("inline.yaml", "keys: [{id: k1, secret: {env: K}}]\ntenants: []\n"),
        ("json.yaml", "{\"keys\": [{\"id\": \"k1\", \"secret\": {\"env\": \"K\"}}], \"tenants\": []}"),
        ("none.yaml", "tenants: []\n"),
        ("broken.yaml", "tenants: [\n"),
    ] {
        assert_eq!(code(&run(&["keys", "rotate", &written(&folder, name, text), "--write"])), 2, "{name}");
        assert_eq!(std::fs::read_to_string(folder.join(name)).unwrap(), text);
    }
    assert_eq!(code(&run(&["keys", "rotate", "no-such-file"])), 2);
}

/// Fields of a page of the admin centre.
fn fields(report: &Value, page: &str) -> Vec<(String, String)> {
    let pages = report["tenants"][0]["pages"].as_array().unwrap();
    let found = pages.iter().find(|it| it["page"] == page).unwrap_or_else(|| panic!("no page {page}"));
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    found["fields"].as_array().unwrap().iter().map(|it| (text(&it["name"]), text(&it["value"]))).collect()
}

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

#[test]
fn every_field_of_the_admin_centre_is_told() {
    let folder = place("entra");
    let file = written(&folder, "config.yaml", PLUGIN);
    let report = json(&run(&["entra", &file, "--json"]));
    let basic = fields(&report, "Basic SAML Configuration");
    for expected in [
        pair("Identifier (Entity ID)", "https://app.example.com/saml"),
        pair("Reply URL (Assertion Consumer Service URL)", "https://app.example.com/.vestibule/saml/acs"),
        pair("Sign on URL", "https://app.example.com/.vestibule/sign-in?return=/"),
        pair("Relay State", ""),
        pair("Logout Url (Optional)", ""),
    ] {
        assert!(basic.contains(&expected), "{expected:?} is not in {basic:#?}");
    }
    let credentials = fields(&report, "Admin Credentials");
    assert!(credentials.contains(&pair("Tenant URL", "https://app.example.com/scim/v2/entra")));
    assert!(credentials.contains(&pair("Secret Token", "the token that `entra` is the hash of")));
    assert!(fields(&report, "Mappings").contains(&pair("externalId (users)", "objectId")));
    assert!(fields(&report, "SAML Certificates").contains(&pair("Signing Algorithm", "SHA-256")));
    let claims = fields(&report, "Attributes & Claims");
    let roles = "http://schemas.microsoft.com/ws/2008/06/identity/claims/role = user.assignedroles";
    assert!(claims.contains(&pair("Claim", roles)), "{claims:#?}");
    let back = fields(&report, "Copy back into the configuration");
    assert!(back.iter().any(|(name, value)| name == "Login URL" && value.contains("saml2")), "{back:#?}");
    let text = out(&run(&["entra", &file]));
    assert!(text.contains(
        "Reply URL (Assertion Consumer Service URL):\n      https://app.example.com/.vestibule/saml/acs\n"
    ));
}

#[test]
fn every_way_in_has_its_fields_and_logout_its_url() {
    let folder = place("entra-ways");
    let keys = "{cluster: microsoft}";
    let ways = format!(
        "      authentication:\n        entra_token: {{tenant_id: {DIRECTORY}, keys: {keys}}}\n        token_endpoint:\n          clients: [{{id: entra-client, secrets: [{{sha256: \"{zeros}\"}}]}}]\n          federations: [{{tenant_id: {DIRECTORY}, subject: sub, audiences: [api://app], keys: {keys}}}]\n      application:\n",
        zeros = "0".repeat(64)
    );
    let text = PLUGIN.replacen("      application:\n", &ways, 1).replacen(
        "      identity_provider:\n",
        "      requires: both\n      allow_unsolicited: bounce\n      logout: {slo_url: https://login.microsoftonline.com/x/saml2}\n      identity_provider:\n",
        1,
    );
    let file = written(&folder, "config.yaml", &text);
    let report = json(&run(&["entra", &file, "--json"]));
    let credentials = fields(&report, "Admin Credentials");
    for expected in [
        pair("Secret Token", ""),
        pair("Authentication method", "OAuth 2.0 client credentials grant"),
        pair("Token endpoint", "https://app.example.com/.vestibule/oauth/token"),
        pair("Client identifier", "entra-client"),
        pair("Authentication method", "Workload identity federation"),
        pair("Audience", "api://app"),
    ] {
        assert!(credentials.contains(&expected), "{expected:?} is not in {credentials:#?}");
    }
    let basic = fields(&report, "Basic SAML Configuration");
    assert!(basic.contains(&pair("Logout Url (Optional)", "https://app.example.com/.vestibule/saml/slo")));
    assert!(basic.contains(&pair("Sign on URL", "")), "{basic:#?}");
    assert!(
        fields(&report, "SAML Certificates")
            .contains(&pair("Signing Option", "Sign SAML response and assertion"))
    );
}

#[test]
fn the_metadata_is_that_of_the_gateway_and_can_be_uploaded() {
    let folder = place("metadata");
    let file = written(&folder, "envoy.yaml", ENVOY);
    let path = folder.join("sp.xml");
    let output = run(&["entra", &file, "--metadata", path.to_str().unwrap()]);
    assert_eq!(code(&output), 0, "{}", String::from_utf8_lossy(&output.stderr));
    let xml = std::fs::read_to_string(path).unwrap();
    assert!(xml.contains("entityID=\"https://app.example.com/saml\""), "{xml}");
    assert!(xml.contains("Location=\"https://app.example.com/.vestibule/saml/acs\""), "{xml}");
}

#[test]
fn a_tenant_that_there_is_not_and_a_broken_configuration_are_wrong_usage() {
    let folder = place("entra-wrong");
    let file = written(&folder, "config.yaml", PLUGIN);
    let wrong = run(&["entra", &file, "--tenant", "nobody"]);
    assert_eq!(code(&wrong), 2);
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("there are example"));
    assert_eq!(code(&run(&["entra", &file, "--tenant", "example"])), 0);
    let broken = written(&folder, "broken.yaml", &PLUGIN.replacen("entity_id", "entityid", 1));
    assert!(String::from_utf8_lossy(&run(&["entra", &broken]).stderr).contains("see vestibule check"));
    assert_eq!(code(&run(&["entra", &written(&folder, "other.yaml", "a: 1\n")])), 2);
    let two = PLUGIN.replacen("tenants:\n", "tenants:\n  - {name: other, public_url: \"https://b.example\", access: {rules: [{path: {prefix: /}, access: public}]}}\n", 1);
    let two = written(&folder, "two.yaml", &two);
    let metadata = folder.join("sp.xml");
    assert_eq!(code(&run(&["entra", &two, "--metadata", metadata.to_str().unwrap()])), 2);
    assert!(!metadata.exists());
}

#[test]
fn what_init_writes_is_good_whatever_is_chosen() {
    let folder = place("init");
    let certificate = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/idp.crt");
    let application = "99999999-8888-7777-6666-555555555555";
    let choices: [&[&str]; 5] = [
        &[],
        &["--entra", DIRECTORY, "--certificate", certificate],
        &["--entra", DIRECTORY, "--application-id", application, "--scim", "none"],
        &["--tls-certificate", "tls.crt", "--tls-key", "tls.key", "--application", "app.example.com:8080"],
        &["--scim", "/api/scim", "--name", "contoso", "--public-url", "https://contoso.example.com:8443"],
    ];
    for (at, choice) in choices.iter().enumerate() {
        let into = folder.join(at.to_string());
        let output = run(&[&["init", into.to_str().unwrap(), "--yes", "--json"], *choice].concat());
        assert_eq!(code(&output), 0, "{choice:?}: {}", String::from_utf8_lossy(&output.stderr));
        let report = json(&output);
        // Another machine may be reached without TLS, but not without a word about it.
        let remote = choice.contains(&"app.example.com:8080");
        let warnings = report["warnings"].as_array().unwrap();
        assert_eq!(warnings.len(), usize::from(remote), "{choice:?}: {warnings:#?}");
        assert!(warnings.iter().all(|it| it["what"].as_str().unwrap().ends_with("without TLS")));
        let envoy = into.join("envoy.yaml");
        let strictly = if remote { &["check"][..] } else { &["check", "--strict"] };
        let checked = run(&[strictly, &[envoy.to_str().unwrap()]].concat());
        assert_eq!(code(&checked), 0, "{choice:?}: {}", out(&checked));
        let config = into.join("vestibule.yaml");
        assert_eq!(code(&run(&["check", config.to_str().unwrap()])), 0, "{choice:?}");
        assert_eq!(code(&run(&["entra", config.to_str().unwrap()])), 0, "{choice:?}");
        assert_eq!(code(&run(&["keys", "rotate", config.to_str().unwrap()])), 0, "{choice:?}");
        let all = [envoy, config].map(|path| std::fs::read_to_string(path).unwrap()).concat();
        let token = report["secret_token"].as_str();
        assert!(token.is_none_or(|token| !all.contains(token)), "the token stands in no file");
        assert_eq!(token.is_some(), !choice.contains(&"none"));
    }
}

#[cfg(unix)]
#[test]
fn secrets_are_for_their_owner_and_nothing_is_overwritten_unasked() {
    use std::os::unix::fs::PermissionsExt;
    let folder = place("init-modes");
    let into = folder.to_str().unwrap();
    assert_eq!(code(&run(&["init", into, "--yes"])), 0);
    let secrets = folder.join("secrets.env");
    assert_eq!(std::fs::metadata(&secrets).unwrap().permissions().mode() & 0o777, 0o600);
    let before = std::fs::read_to_string(&secrets).unwrap();
    assert_eq!(code(&run(&["init", into, "--yes"])), 2);
    assert_eq!(std::fs::read_to_string(&secrets).unwrap(), before);
    assert_eq!(code(&run(&["init", into, "--yes", "--force"])), 0);
    assert_ne!(std::fs::read_to_string(&secrets).unwrap(), before);
    assert_eq!(std::fs::metadata(&secrets).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn init_asks_for_what_is_not_given() {
    let folder = place("init-asks");
    let answers = "https://asked.example.com\ncontoso\n\nnone\nnone\n";
    let output = told(&["init", folder.to_str().unwrap()], answers);
    assert_eq!(code(&output), 0, "{}", String::from_utf8_lossy(&output.stderr));
    assert!(
        String::from_utf8_lossy(&output.stderr)
            .contains("Address that browsers and Entra use [https://app.example.com]: ")
    );
    let text = std::fs::read_to_string(folder.join("vestibule.yaml")).unwrap();
    assert!(
        text.contains("public_url: https://asked.example.com")
            && text.contains("name: contoso")
            && !text.contains("scim:")
    );
}

#[test]
fn init_refuses_what_would_not_start_or_would_be_open() {
    let folder = place("init-refused");
    let into = folder.to_str().unwrap();
    for wrong in [
        &["--public-url", "app.example.com"][..],
        &["--public-url", "https://a.example\"\nx: y"],
        &["--application", "no-port"],
        &["--entra", "contoso.com", "--application-id", "99999999-8888-7777-6666-555555555555"],
        &["--entra", DIRECTORY],
        &["--certificate", "tls.crt"],
        &["--listen", "0.0.0.0:8443"],
        &["--tls-certificate", "tls.crt"],
        &["--scim", "/"],
    ] {
        let output = run(&[&["init", into, "--yes"], wrong].concat());
        assert_eq!(code(&output), 2, "{wrong:?}");
        assert!(!folder.join("envoy.yaml").exists(), "{wrong:?}");
    }
}

#[test]
fn doctor_takes_no_token_from_the_command_line_and_sends_it_nowhere_else() {
    for wrong in [
        &["app.example.com"][..],
        &["http://app.example.com"],
        &["https://app.example.com", "--token", "secret"],
        &["https://app.example.com", "--token-stdin"],
        &["https://app.example.com", "--tenant-url", "https://elsewhere.example.com/scim", "--token-stdin"],
        &["https://app.example.com", "--tenant-url", "/scim", "--token-env", "NO_SUCH_VARIABLE_HERE"],
    ] {
        assert_eq!(code(&run(&[&["doctor"], wrong].concat())), 2, "{wrong:?}");
    }
}

#[test]
fn doctor_says_no_where_nobody_answers() {
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let output = run(&["doctor", &format!("http://127.0.0.1:{port}"), "--json"]);
    assert_eq!(code(&output), 1);
    let report = json(&output);
    assert_eq!((report["good"].as_bool(), report["lines"][0]["verdict"].as_str()), (Some(false), Some("no")));
    assert_eq!(report["lines"].as_array().unwrap().len(), 1, "nothing further is asked");
}
