//! The rules of one tenant's provisioning, as far as the application's own schemas are known by now.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use crate::config::{Credential, Discovery, ScimSettings, Secret};
use crate::scim::{self, Learnt};

use super::documents::{Access, DocumentId, Documents, Kind, Source};

/// See the module.
#[derive(Debug)]
pub(super) struct Rules {
    /// As configured.
    base: Rc<scim::Settings>,
    /// The application's `/Schemas` and `/ResourceTypes`.
    sources: Option<(DocumentId, DocumentId)>,
    latest: RefCell<Option<Latest>>,
}

/// What was made of the documents last.
#[derive(Debug)]
struct Latest {
    schemas: Option<Rc<Learnt>>,
    resource_types: Option<Rc<Vec<u8>>>,
    rules: Rc<scim::Settings>,
}

impl Rules {
    pub(super) fn new(
        tenant: &str,
        base: scim::Settings,
        settings: &ScimSettings,
        documents: &mut Documents,
    ) -> Self {
        let sources = sources(tenant, settings, documents);
        Self { base: Rc::new(base), sources, latest: RefCell::default() }
    }

    /// A request goes by these rules; `credential` is what it has for the application. Gives what is worth waiting for:
    /// a document of which nothing is known because the first attempt to read it has not ended. One that cannot be had
    /// keeps nobody waiting.
    pub(super) fn need(&self, documents: &Documents, credential: Option<&Secret>) -> Option<DocumentId> {
        let (schemas, resource_types) = self.sources?;
        let both = [schemas, resource_types];
        both.iter().for_each(|id| documents.need(*id, credential));
        both.into_iter().find(|id| documents.is_untried(*id))
    }

    /// The rules by what is known now. A request takes them once: they may be others a moment later.
    pub(super) fn now(&self, documents: &Documents) -> Rc<scim::Settings> {
        let Some((schemas, resource_types)) = self.sources else { return Rc::clone(&self.base) };
        let (schemas, resource_types) =
            (documents.schemas(schemas), documents.resource_types(resource_types));
        if schemas.is_none() && resource_types.is_none() {
            return Rc::clone(&self.base);
        }
        if let Ok(latest) = self.latest.try_borrow()
            && let Some(latest) = latest.as_ref()
            && is_same(latest.schemas.as_ref(), schemas.as_ref())
            && is_same(latest.resource_types.as_ref(), resource_types.as_ref())
        {
            return Rc::clone(&latest.rules);
        }
        let mut learnt = schemas.as_ref().map(|learnt| Learnt::clone(learnt)).unwrap_or_default();
        if let Some(bytes) = &resource_types {
            // Was read when it came; what cannot be read teaches nothing.
            let _ = learnt.resource_types(bytes);
        }
        let rules = Rc::new(self.base.with_learnt(&learnt));
        if let Ok(mut latest) = self.latest.try_borrow_mut() {
            *latest = Some(Latest { schemas, resource_types, rules: Rc::clone(&rules) });
        }
        rules
    }
}

fn is_same<T>(one: Option<&Rc<T>>, other: Option<&Rc<T>>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => Rc::ptr_eq(one, other),
        (None, None) => true,
        _ => false,
    }
}

/// Where the application says what it knows. It is asked with the credential for it; where that is Entra's own, with the
/// one that the request brings.
fn sources(
    tenant: &str,
    settings: &ScimSettings,
    documents: &mut Documents,
) -> Option<(DocumentId, DocumentId)> {
    let refresh = Duration::from_secs(settings.schemas.from_application?);
    let application = &settings.application;
    let access = match &application.credential {
        Credential::Set(value) => Access::Own(value.clone()),
        Credential::Remove => Access::Open,
        Credential::Keep | Credential::BasicFromClient => Access::Lent(tenant.to_owned()),
    };
    if settings.help.discovery == Discovery::Own {
        return None;
    }
    let mut add = |kind, name: &str| {
        documents.add(Source {
            kind,
            cluster: application.cluster.clone(),
            access: access.clone(),
            authority: application.authority.clone(),
            path: format!("{}{name}", application.cluster_path),
            timeout_ms: application.timeout_ms,
            max_size: settings.max_response,
            refresh,
        })
    };
    Some((add(Kind::Schemas, "/Schemas"), add(Kind::ResourceTypes, "/ResourceTypes")))
}
