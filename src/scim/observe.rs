//! [`super::Mode::Observe`]: nothing is rewritten, and what would have been is told.
//!
//! Two things are not given up. A path that servers read in different ways, and a write that could hide whom it is about
//! (`/Me`, `/Bulk`, a look-alike of an endpoint), is refused as ever, for they are no quirks of a client. And what a
//! write means for a person's access is still read; of a write that cannot be read it is taken to be the worst.

use super::Abilities;
use super::change::{AccountChange, account_change, possible_change};
use super::error::ScimError;
use super::request::{Incoming, Normalised, Observed, Outgoing, RequestShape, rewrite};
use super::rule::Settings;
use super::url::{self, Target};
use crate::common::json;

/// See the module.
pub(super) fn observe(incoming: &Incoming<'_>, settings: &Settings) -> Result<Normalised, ScimError> {
    let path = incoming.path.split('?').next().unwrap_or_default();
    let target = url::target(incoming.method, path, true)?;
    let (applied, shape, observed) = match rewrite(incoming, settings) {
        Ok(Normalised::Forward(outgoing)) => (outgoing.applied, outgoing.shape, Observed::default()),
        Ok(Normalised::Answer { applied, .. }) => {
            (applied, bare_shape(&target, incoming), Observed { refusal: None, answered: true })
        }
        Err(error) => {
            let observed = Observed { refusal: Some(error), answered: false };
            (Vec::new(), bare_shape(&target, incoming), observed)
        }
    };
    let change = change(&target, incoming, settings, observed.refusal.is_some());
    Ok(Normalised::Forward(Box::new(Outgoing {
        method: incoming.method.to_owned(),
        path: incoming.path.to_owned(),
        headers: Vec::new(),
        body: incoming.body.map(<[u8]>::to_vec),
        applied,
        change,
        lookup: None,
        shape,
        observed: Some(observed),
    })))
}

fn change(
    target: &Target,
    incoming: &Incoming<'_>,
    settings: &Settings,
    was_refused: bool,
) -> Option<AccountChange> {
    let body = incoming.body.and_then(|body| json::parse(body).ok());
    if was_refused && !is_readable(target, incoming, settings) {
        return possible_change(target, body.as_ref());
    }
    account_change(target, body.as_ref())
}

/// Whether the body alone can be read whole: a refusal of the query, of the media type's name, or by the operator's own
/// choice says nothing against it.
fn is_readable(target: &Target, incoming: &Incoming<'_>, settings: &Settings) -> bool {
    let settings = Settings { abilities: Abilities::default(), without_groups: false, ..settings.clone() };
    let alone = Incoming { path: &target.path, content_type: None, ..*incoming };
    match rewrite(&alone, &settings) {
        Ok(_) => true,
        Err(error) => !matches!(
            error,
            ScimError::Json(_) | ScimError::Syntax(_) | ScimError::Path(_) | ScimError::MediaType(_)
        ),
    }
}

/// The shape of a request of which only the target is known for certain.
fn bare_shape(target: &Target, incoming: &Incoming<'_>) -> RequestShape {
    RequestShape {
        kind: target.kind.clone(),
        action: target.action,
        id: target.id.clone(),
        head: incoming.method == "HEAD",
        wants_body: true,
        start_index: None,
        count: None,
        filter: None,
        attributes: false,
        excluded: Vec::new(),
    }
}

#[cfg(test)]
mod tests;
