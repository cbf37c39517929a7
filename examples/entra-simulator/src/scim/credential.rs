//! With what the provisioning client proves who it is: *Admin credentials*.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{clock::now_ms, form, keys::token::TokenKey, random};

/// Entra's provisioning service, as it names itself in its version 1 tokens.
const SERVICE: &str = "00000014-0000-0000-c000-000000000000";
/// The audience of those, the same for every application.
const AUDIENCE: &str = "8adf8e6e-67b2-4cf2-a259-e3dc5476c621";
/// The service behind workload identity federation.
const FEDERATED_SERVICE: &str = "cb1d50fe-8ed0-4944-9e7d-5981aad3bc4b";
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";
const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const LIFETIME_SECONDS: i64 = 3600;

/// Where a client secret stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Location {
    /// `Authorization: Basic`, the default.
    #[default]
    Header,
    Body,
}

/// In which form an assertion is exchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grant {
    /// RFC 7523.
    #[default]
    ClientAssertion,
    /// RFC 8693.
    TokenExchange,
}

/// The credential that is chosen.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Credential {
    /// *Secret Token* is filled in.
    SecretToken { token: String },
    /// *Secret Token* is blank: Entra's own token.
    EntraToken {},
    /// OAuth 2.0 client credentials.
    ClientCredentials {
        token_endpoint: String,
        client_id: String,
        client_secret: String,
        #[serde(default)]
        location: Location,
        #[serde(default)]
        scope: Option<String>,
    },
    /// Workload identity federation.
    Federation {
        token_endpoint: String,
        audience: String,
        #[serde(default)]
        grant: Grant,
        #[serde(default)]
        scope: Option<String>,
    },
}

/// Who the service is for this tenant.
#[derive(Debug, Clone)]
pub struct Principal {
    pub tenant_id: String,
    /// Object id of the enterprise application's service principal.
    pub object_id: String,
}

/// A request for a token.
#[derive(Debug)]
pub struct TokenRequest {
    pub url: String,
    /// With the secrets.
    pub form: Vec<(&'static str, String)>,
    pub basic: Option<(String, String)>,
}

impl TokenRequest {
    /// The body.
    #[must_use]
    pub fn body(&self) -> String {
        let pairs = self.form.iter().map(|(name, value)| format!("{name}={}", form::encode_dotnet(value)));
        pairs.collect::<Vec<_>>().join("&")
    }

    /// The fields as they may be logged.
    #[must_use]
    pub fn shown(&self) -> Value {
        let secret = ["client_secret", "client_assertion", "subject_token"];
        let show = |(name, value): &(&'static str, String)| {
            let value = if secret.contains(name) { "(not shown)" } else { value.as_str() };
            ((*name).to_owned(), Value::from(value))
        };
        Value::Object(self.form.iter().map(show).collect())
    }
}

impl Credential {
    /// Whether it can be used.
    ///
    /// # Errors
    /// What is missing.
    pub fn check(&self) -> Result<(), String> {
        let header_safe =
            |text: &str| !text.is_empty() && text.bytes().all(|byte| (0x20..0x7f).contains(&byte));
        match self {
            Self::SecretToken { token } if !header_safe(token) => {
                Err("the secret token is empty or cannot stand in a header".into())
            }
            Self::ClientCredentials { client_id, client_secret, .. }
                if !header_safe(client_id) || !header_safe(client_secret) =>
            {
                Err("the client id or secret is empty or has characters that nobody types".into())
            }
            Self::ClientCredentials { token_endpoint, .. } | Self::Federation { token_endpoint, .. } => {
                crate::arguments::url(token_endpoint.clone()).map(|_| ())
            }
            _ => Ok(()),
        }
    }

    /// What may be shown of it.
    #[must_use]
    pub fn shown(&self) -> Value {
        match self {
            Self::SecretToken { .. } => json!({"kind": "secret_token"}),
            Self::EntraToken {} => json!({"kind": "entra_token"}),
            Self::ClientCredentials { token_endpoint, client_id, location, scope, .. } => json!({
                "kind": "client_credentials", "token_endpoint": token_endpoint, "client_id": client_id,
                "location": location, "scope": scope,
            }),
            Self::Federation { token_endpoint, audience, grant, scope } => json!({
                "kind": "federation", "token_endpoint": token_endpoint, "audience": audience,
                "grant": grant, "scope": scope,
            }),
        }
    }

    /// The token that needs no request.
    ///
    /// # Errors
    /// It could not be signed.
    pub fn ready_token(&self, principal: &Principal, key: &TokenKey) -> Result<Option<String>, String> {
        match self {
            Self::SecretToken { token } => Ok(Some(token.clone())),
            Self::EntraToken {} => key.sign(&entra_claims(principal)).map(Some),
            _ => Ok(None),
        }
    }

    /// The request for a token, where one is needed.
    ///
    /// # Errors
    /// The assertion could not be signed.
    pub fn token_request(
        &self,
        principal: &Principal,
        key: &TokenKey,
    ) -> Result<Option<TokenRequest>, String> {
        match self {
            Self::SecretToken { .. } | Self::EntraToken {} => Ok(None),
            Self::ClientCredentials { token_endpoint, client_id, client_secret, location, scope } => {
                let mut form = vec![("grant_type", "client_credentials".to_owned())];
                let mut basic = None;
                match location {
                    Location::Header => basic = Some((client_id.clone(), client_secret.clone())),
                    Location::Body => form
                        .extend([("client_id", client_id.clone()), ("client_secret", client_secret.clone())]),
                }
                form.extend(scope.iter().map(|scope| ("scope", scope.clone())));
                Ok(Some(TokenRequest { url: token_endpoint.clone(), form, basic }))
            }
            Self::Federation { token_endpoint, audience, grant, scope } => {
                let assertion = key.sign(&federated_claims(principal, audience)?)?;
                let mut form = match grant {
                    Grant::ClientAssertion => vec![
                        ("grant_type", "client_credentials".to_owned()),
                        ("client_id", principal.object_id.clone()),
                        ("client_assertion_type", JWT_BEARER.to_owned()),
                        ("client_assertion", assertion),
                    ],
                    Grant::TokenExchange => vec![
                        ("grant_type", TOKEN_EXCHANGE.to_owned()),
                        ("subject_token", assertion),
                        ("subject_token_type", JWT.to_owned()),
                        ("audience", audience.clone()),
                    ],
                };
                form.extend(scope.iter().map(|scope| ("scope", scope.clone())));
                Ok(Some(TokenRequest { url: token_endpoint.clone(), form, basic: None }))
            }
        }
    }
}

fn entra_claims(principal: &Principal) -> Value {
    let now = now_ms() / 1000;
    json!({
        "aud": AUDIENCE,
        "iss": format!("https://sts.windows.net/{}/", principal.tenant_id),
        "iat": now, "nbf": now, "exp": now + LIFETIME_SECONDS,
        "appid": SERVICE,
        "appidacr": "2",
        "idp": format!("https://sts.windows.net/{}/", principal.tenant_id),
        "oid": principal.object_id,
        "sub": principal.object_id,
        "tid": principal.tenant_id,
        "ver": "1.0",
    })
}

/// There is no `jti`, and the same assertion may be sent again.
fn federated_claims(principal: &Principal, audience: &str) -> Result<Value, String> {
    let now = now_ms() / 1000;
    Ok(json!({
        "aud": audience,
        "iss": format!("https://login.microsoftonline.com/{}/v2.0", principal.tenant_id),
        "iat": now, "nbf": now, "exp": now + LIFETIME_SECONDS,
        "azp": FEDERATED_SERVICE,
        "azpacr": "2",
        "oid": principal.object_id,
        "sub": principal.object_id,
        "tid": principal.tenant_id,
        "uti": random::guid()?,
        "ver": "2.0",
    }))
}

#[cfg(test)]
mod tests {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    use serde_json::{Value, json};

    use super::{Credential, Principal};
    use crate::keys::token::TokenKey;

    fn principal() -> Principal {
        Principal { tenant_id: "t-1".into(), object_id: "o-1".into() }
    }

    fn claims(token: &str) -> Value {
        let part = token.split('.').nth(1).unwrap();
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    }

    fn of(value: Value) -> Credential {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn entras_own_tokens_say_what_the_service_says() {
        let key = TokenKey::generate().unwrap();
        let token = of(json!({"kind": "entra_token"})).ready_token(&principal(), &key).unwrap().unwrap();
        let claims = claims(&token);
        assert_eq!(claims["iss"], "https://sts.windows.net/t-1/");
        assert_eq!(claims["appid"], "00000014-0000-0000-c000-000000000000");
        assert_eq!(claims["ver"], "1.0");
        assert_eq!(key.jwks()["keys"][0]["kty"], "RSA");
    }

    #[test]
    fn a_client_secret_stands_in_the_header_or_in_the_body() {
        let key = TokenKey::generate().unwrap();
        let made = |location: &str| {
            let credential =
                of(json!({"kind": "client_credentials", "token_endpoint": "https://a.example/t",
                "client_id": "c 1", "client_secret": "s", "location": location, "scope": "scim"}));
            assert!(!credential.shown().to_string().contains("\"s\""));
            credential.token_request(&principal(), &key).unwrap().unwrap()
        };
        let header = made("header");
        assert_eq!(header.body(), "grant_type=client_credentials&scope=scim");
        assert_eq!(header.basic, Some(("c 1".into(), "s".into())));
        let body = made("body");
        assert_eq!(body.body(), "grant_type=client_credentials&client_id=c+1&client_secret=s&scope=scim");
        assert_eq!(body.shown()["client_secret"], "(not shown)");
        assert!(body.basic.is_none());
    }

    #[test]
    fn a_federation_has_two_forms_and_no_secret() {
        let key = TokenKey::generate().unwrap();
        let made = |grant: &str| {
            let credential = of(json!({"kind": "federation", "token_endpoint": "https://a.example/t",
                "audience": "api://app", "grant": grant}));
            credential.token_request(&principal(), &key).unwrap().unwrap()
        };
        let field = |request: &super::TokenRequest, name: &str| {
            request.form.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone())
        };
        let assertion = made("client_assertion");
        let claims = claims(&field(&assertion, "client_assertion").unwrap());
        assert_eq!((&claims["aud"], &claims["azp"]), (&json!("api://app"), &json!(super::FEDERATED_SERVICE)));
        assert!(claims.get("jti").is_none());
        assert!(!assertion.shown().to_string().contains("eyJ"));
        let exchange = made("token_exchange");
        assert!(field(&exchange, "client_id").is_none() && field(&exchange, "subject_token").is_some());
    }

    #[test]
    fn what_cannot_be_used_is_refused() {
        for value in [
            json!({"kind": "secret_token", "token": ""}),
            json!({"kind": "secret_token", "token": "a\nb"}),
            json!({"kind": "federation", "token_endpoint": "javascript:1", "audience": "a"}),
        ] {
            assert!(of(value.clone()).check().is_err(), "{value}");
        }
        assert!(serde_json::from_value::<Credential>(json!({"kind": "basic"})).is_err());
    }
}
