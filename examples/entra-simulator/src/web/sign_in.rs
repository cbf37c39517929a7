//! Signing in: who may, and the response for those who do.

use crate::{
    clock,
    directory::{Deletion, User},
    keys::Algorithm,
    saml::{
        SignOnSettings,
        claims::{ClaimRule, check, groups_told, name_id},
        context::Context,
        encrypt::Cipher,
        faults::Break,
        request::{AuthnRequest, Refusal, from_query},
        response::{Encryption, Order, Signing, build},
    },
    web::app::App,
};

/// What is asked for; what is not said is as the application is configured.
#[derive(Debug, Default)]
pub(super) struct Wish<'a> {
    /// Query of the sign-on URL; none for a sign-on that the provider starts.
    pub(super) query: Option<&'a str>,
    pub(super) user: &'a str,
    pub(super) signing: Option<Signing>,
    pub(super) algorithm: Option<Algorithm>,
    /// `none`, or the name of a cipher.
    pub(super) encryption: Option<&'a str>,
    pub(super) claims: Option<Vec<ClaimRule>>,
    pub(super) context: Context,
    pub(super) fault: Option<Break>,
    /// Sign in a user that Entra itself would turn away, as if the response had been made a moment before.
    pub(super) even_if_blocked: bool,
}

/// A response ready to be posted.
#[derive(Debug)]
pub(super) struct Signed {
    pub(super) xml: String,
    pub(super) relay_state: Option<String>,
    /// None where the response is an old one.
    pub(super) session_index: Option<String>,
}

pub(super) fn sign_in(app: &App, wish: &Wish<'_>) -> Result<Signed, Refusal> {
    let mut settings = app.settings();
    if let Some(claims) = &wish.claims {
        check(claims).map_err(|detail| Refusal { code: "bad_claims", detail })?;
        settings.claims.rules.clone_from(claims);
    }
    let (request, relay_state) = match wish.query {
        Some(query) => from_query(query, &settings).map(|(request, relay)| (Some(request), relay))?,
        None if settings.verification_required => {
            let detail = "the application requires signed requests, which a sign-in from here has not";
            return Err(refusal("AADSTS76021", detail));
        }
        None => (None, settings.relay_state.clone()),
    };
    let (user, groups) = {
        let directory = app.directory();
        let Some(user) = directory.user(wish.user).cloned() else {
            return Err(refusal("AADSTS50034", "the account does not exist in the tenant"));
        };
        (user, groups_told(settings.claims.groups, &directory, wish.user))
    };
    if !wish.even_if_blocked {
        may_sign_in(&user)?;
    }
    let context = context(wish, request.as_ref())?;
    if wish.fault == Some(Break::Replay) {
        return replayed(app, &user);
    }
    let format = request.as_ref().and_then(|request| request.name_id_format);
    let format = format.unwrap_or(settings.claims.name_id_format);
    let Some(name_id) = name_id(&settings, format, &user) else {
        return Err(refusal("AADSTS501241", "the attribute that the name identifier is made of is empty"));
    };
    let encryption = encryption(wish.encryption, &settings)?;
    let order = Order {
        settings: &settings,
        key: &app.key,
        user: &user,
        name_id: &name_id,
        name_id_format: format,
        groups: &groups,
        context: &context,
        in_response_to: request.as_ref().map(|request| request.id.as_str()),
        signing: wish.signing.unwrap_or(settings.signing),
        algorithm: wish.algorithm.unwrap_or(settings.algorithm),
        encryption: encryption.as_ref(),
        fault: wish.fault,
        now_ms: clock::now_ms(),
    };
    let built = build(&order).map_err(|detail| Refusal { code: "AADSTS50003", detail })?;
    if wish.fault.is_none() {
        app.sessions().begin(&built.session_index, &user.name, &name_id);
        app.last_responses().insert(user.name.clone(), (built.xml.clone(), relay_state.clone()));
    }
    Ok(Signed { xml: built.xml, relay_state, session_index: Some(built.session_index) })
}

/// The response that the user was sent last, as it was.
fn replayed(app: &App, user: &User) -> Result<Signed, Refusal> {
    match app.last_responses().get(&user.name).cloned() {
        Some((xml, relay_state)) => Ok(Signed { xml, relay_state, session_index: None }),
        None => Err(refusal(
            "nothing_to_replay",
            "this user has not signed in yet, so there is no response to replay",
        )),
    }
}

fn context(wish: &Wish<'_>, request: Option<&AuthnRequest>) -> Result<Context, Refusal> {
    let mut context = wish.context.clone();
    let class = context.class().map_err(|detail| Refusal { code: "bad_context", detail })?.to_owned();
    let Some(request) = request else { return Ok(context) };
    if request.force_authn {
        context.age_minutes = 0;
    }
    let wanted = &request.contexts;
    if !wanted.is_empty() && !wanted.contains(&class) && !wish.even_if_blocked {
        let detail = format!(
            "the authentication method '{class}' by which the user signed in does not match the requested '{}'",
            wanted.join("', '")
        );
        return Err(Refusal { code: "AADSTS75011", detail });
    }
    Ok(context)
}

fn encryption(wish: Option<&str>, settings: &SignOnSettings) -> Result<Option<Encryption>, Refusal> {
    let cipher = match wish {
        None if settings.encrypts => settings.cipher,
        None | Some("" | "none") => return Ok(None),
        Some(word) => match Cipher::ALL.iter().find(|(_, known, _)| *known == word) {
            Some((cipher, ..)) => *cipher,
            None => return Err(refusal("bad_encryption", "there is no such cipher")),
        },
    };
    let Some(certificate) = settings.encryption_certificate.clone() else {
        return Err(refusal("AADSTS50003", "there is no certificate of the application to encrypt for"));
    };
    Ok(Some(Encryption { certificate, cipher, key_transport: settings.key_transport }))
}

fn may_sign_in(user: &User) -> Result<(), Refusal> {
    if user.deletion != Deletion::None {
        return Err(refusal("AADSTS50034", "the account does not exist in the tenant"));
    }
    if !user.account_enabled {
        return Err(refusal("AADSTS50057", "the account is disabled"));
    }
    if !user.assigned {
        return Err(refusal("AADSTS50105", "the user is not assigned to the application"));
    }
    Ok(())
}

fn refusal(code: &'static str, detail: &str) -> Refusal {
    Refusal { code, detail: detail.into() }
}
