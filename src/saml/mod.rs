//! The SAML 2.0 service provider.

pub mod c14n;
pub mod deflate;
pub mod encryption;
pub mod enveloped;
mod escape;
pub mod idp_metadata;
pub mod logout;
pub mod metadata;
mod names;
pub mod request;
pub mod response;
pub mod signature;
pub mod xml;

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod attacks_test;
#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod corpus_test;
#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod cost_test;
#[cfg(test)]
mod encryption_test;
#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod mutation_test;
#[cfg(test)]
mod relaxation_test;
#[cfg(test)]
mod rows_test;
#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod test_support;
#[cfg(test)]
mod vectors_test;
