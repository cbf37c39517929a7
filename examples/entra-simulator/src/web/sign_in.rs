//! Signing in: who may, and the response for those who do.

use crate::{
    clock,
    directory::{Deletion, User},
    saml::{
        request::{Refusal, from_query},
        response::{Break, Order, Signing, build},
    },
    web::app::App,
};

/// What is asked for.
#[derive(Debug, Default)]
pub(super) struct Wish<'a> {
    /// Query of the sign-on URL; none for a sign-on that the provider starts.
    pub(super) query: Option<&'a str>,
    pub(super) user: &'a str,
    pub(super) signing: Signing,
    pub(super) fault: Option<Break>,
    /// Sign in a user that Entra itself would turn away, as if the response had been made a moment before.
    pub(super) even_if_blocked: bool,
}

/// A response ready to be posted.
#[derive(Debug)]
pub(super) struct Signed {
    pub(super) xml: String,
    pub(super) relay_state: Option<String>,
}

pub(super) fn sign_in(app: &App, wish: &Wish<'_>) -> Result<Signed, Refusal> {
    let (request, relay_state) = match wish.query {
        Some(query) => from_query(query, &app.settings).map(|(request, relay)| (Some(request), relay))?,
        None => (None, None),
    };
    let (user, groups) = {
        let directory = app.directory();
        let Some(user) = directory.user(wish.user).cloned() else {
            return Err(refusal("AADSTS50034", "the account does not exist in the tenant"));
        };
        (user, directory.groups_of(wish.user))
    };
    if !wish.even_if_blocked {
        may_sign_in(&user)?;
    }
    let order = Order {
        settings: &app.settings,
        key: &app.key,
        user: &user,
        groups: &groups,
        in_response_to: request.as_ref().map(|request| request.id.as_str()),
        signing: wish.signing,
        fault: wish.fault,
        now_ms: clock::now_ms(),
    };
    let xml = build(&order).map_err(|detail| Refusal { code: "AADSTS50003", detail })?;
    Ok(Signed { xml, relay_state })
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
