//! The SAML 2.0 service provider.

pub mod c14n;
pub mod xml;

#[cfg(all(test, not(target_arch = "wasm32")))]
mod test_support;
