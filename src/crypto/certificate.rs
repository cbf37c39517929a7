//! Stub.
/// Stub.
#[derive(Debug)]
pub struct PublicKey;
impl PublicKey {
    /// Stub.
    /// # Errors
    /// Stub.
    pub fn from_certificate(_: &str) -> Result<Self, std::fmt::Error> {
        Ok(Self)
    }
}
