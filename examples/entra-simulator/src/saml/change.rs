//! Changes of the single sign-on settings, as a page or a script asks for them.

use serde::Deserialize;

use super::{
    SignOnSettings,
    claims::{ClaimRule, GroupRule, NameIdFormat, check, check_source},
    encrypt::{Cipher, KeyTransport, public_key, spki_of},
    response::Signing,
    sp_metadata::Application,
};
use crate::{arguments::url, directory::nullable, keys::Algorithm};

const MAX_TEXT: usize = 2048;

/// What is absent stays as it is; `null` empties.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SettingsChange {
    pub identifier: Option<String>,
    pub reply_url: Option<String>,
    #[serde(deserialize_with = "nullable")]
    pub sign_on_url: Option<Option<String>>,
    #[serde(deserialize_with = "nullable")]
    pub relay_state: Option<Option<String>>,
    #[serde(deserialize_with = "nullable")]
    pub logout_url: Option<Option<String>>,
    pub signing: Option<Signing>,
    pub algorithm: Option<Algorithm>,
    pub encrypts: Option<bool>,
    #[serde(deserialize_with = "nullable")]
    pub encryption_certificate: Option<Option<String>>,
    pub cipher: Option<Cipher>,
    pub key_transport: Option<KeyTransport>,
    pub verification_required: Option<bool>,
    #[serde(deserialize_with = "nullable")]
    pub verification_certificate: Option<Option<String>>,
    pub name_id_source: Option<String>,
    pub name_id_format: Option<NameIdFormat>,
    pub claims: Option<Vec<ClaimRule>>,
    pub groups: Option<GroupRule>,
}

impl SettingsChange {
    /// What the metadata of an application says.
    #[must_use]
    pub fn of(application: Application) -> Self {
        Self {
            identifier: Some(application.identifier),
            reply_url: Some(application.reply_url),
            logout_url: application.logout_url.map(Some),
            encryption_certificate: application.encryption_certificate.map(Some),
            verification_certificate: application.verification_certificate.map(Some),
            ..Self::default()
        }
    }

    /// The settings with the change.
    ///
    /// # Errors
    /// Values that cannot be.
    pub fn apply(self, to: &SignOnSettings) -> Result<SignOnSettings, String> {
        let mut new = to.clone();
        let text = |value: String| match value.trim() {
            "" => Err("the identifier is empty".to_owned()),
            long if long.len() > MAX_TEXT => Err("a value is too long".to_owned()),
            good => Ok(good.to_owned()),
        };
        set(&mut new.identifier, self.identifier.map(text).transpose()?);
        set(&mut new.reply_url, self.reply_url.map(url).transpose()?);
        set(&mut new.sign_on_url, self.sign_on_url.map(|it| it.map(url).transpose()).transpose()?);
        set(&mut new.logout_url, self.logout_url.map(|it| it.map(url).transpose()).transpose()?);
        let relay = |value: &Option<String>| value.as_ref().is_some_and(|it| it.len() > MAX_TEXT);
        if self.relay_state.as_ref().is_some_and(relay) {
            return Err("the relay state is too long".into());
        }
        set(&mut new.relay_state, self.relay_state);
        set(&mut new.signing, self.signing);
        set(&mut new.algorithm, self.algorithm);
        set(&mut new.encryption_certificate, self.encryption_certificate);
        set(&mut new.encrypts, self.encrypts);
        set(&mut new.cipher, self.cipher);
        set(&mut new.key_transport, self.key_transport);
        set(&mut new.verification_certificate, self.verification_certificate);
        set(&mut new.verification_required, self.verification_required);
        set(&mut new.claims.name_id_source, self.name_id_source);
        set(&mut new.claims.name_id_format, self.name_id_format);
        set(&mut new.claims.rules, self.claims);
        set(&mut new.claims.groups, self.groups);
        checked(new)
    }
}

fn set<T>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}

fn checked(settings: SignOnSettings) -> Result<SignOnSettings, String> {
    check(&settings.claims.rules)?;
    check_source(&settings.claims.name_id_source)?;
    if let Some(certificate) = &settings.encryption_certificate {
        public_key(certificate)?;
    }
    if let Some(certificate) = &settings.verification_certificate {
        spki_of(certificate)?;
    }
    if settings.encrypts && settings.encryption_certificate.is_none() {
        return Err("encryption needs a certificate of the application".into());
    }
    if settings.verification_required && settings.verification_certificate.is_none() {
        return Err("verification of requests needs a certificate of the application".into());
    }
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use super::SettingsChange;
    use crate::{keys::tests::shared_key, saml::test_settings};

    fn of(json: &str) -> SettingsChange {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_change_is_taken_whole_or_not_at_all() {
        let settings = test_settings();
        let changed =
            of(r#"{"logout_url":"https://a.example/slo","signing":"both"}"#).apply(&settings).unwrap();
        assert_eq!(changed.logout_url.as_deref(), Some("https://a.example/slo"));
        assert_eq!(of(r#"{"logout_url":null}"#).apply(&changed).unwrap().logout_url, None);
        for bad in [
            r#"{"reply_url":"javascript:alert(1)"}"#,
            r#"{"identifier":" "}"#,
            r#"{"encrypts":true}"#,
            r#"{"encryption_certificate":"nonsense"}"#,
            r#"{"claims":[{"name":"a","source":"b"}]}"#,
            r#"{"verification_required":true}"#,
        ] {
            assert!(of(bad).apply(&settings).is_err(), "{bad}");
        }
        let certificate = shared_key().certificate_base64();
        let json = format!(r#"{{"encrypts":true,"encryption_certificate":"{certificate}"}}"#);
        assert!(of(&json).apply(&settings).unwrap().encrypts);
        assert!(serde_json::from_str::<SettingsChange>(r#"{"what":1}"#).is_err());
    }
}
