//! Sign-on: the way to the identity provider, the assertion consumer, metadata and sign-out.

mod consume;
mod endpoints;
mod landing;
mod refusal;
mod room;
mod rules;
mod start;
mod status;
mod store;

pub(super) use consume::{Consumed, consume};
pub(super) use endpoints::own_endpoint;
pub use room::service_provider_metadata;
pub(super) use room::{SamlRoom, signing};
pub use rules::{RuledOut, house_rules};
pub(super) use start::{demand, demand_anew, link_anew};
pub(super) use store::{Finished, Redeeming};

const METADATA: &str = "/.vestibule/saml/metadata";
const SIGN_IN: &str = "/.vestibule/sign-in";
const SIGN_OUT: &str = "/.vestibule/sign-out";

/// Largest form the assertion consumer reads, in octets: 150 groups make 26 kB of base64, percent-encoding aside.
pub(super) const MAX_FORM: usize = 512 * 1024;
