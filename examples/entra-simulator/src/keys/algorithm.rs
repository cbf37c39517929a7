//! Signature and digest algorithms by their names in XML signatures (RFC 9231).

use ring::digest;
use serde::{Deserialize, Serialize};

/// *Signing algorithm*. Entra itself offers the first and the last; the others are those of other providers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Algorithm {
    /// The default of Entra.
    #[default]
    RsaSha256,
    RsaSha384,
    RsaSha512,
    RsaPssSha256,
    RsaPssSha384,
    RsaPssSha512,
    /// With P-256.
    EcdsaSha256,
    /// With P-384.
    EcdsaSha384,
    /// For applications that know nothing newer.
    RsaSha1,
}

/// The hash of an algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hash {
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

impl Algorithm {
    /// All, as a page offers them: word and label.
    pub const ALL: [(Self, &'static str, &'static str); 9] = [
        (Self::RsaSha256, "rsa-sha256", "RSA-SHA256 (Entra's default)"),
        (Self::RsaSha384, "rsa-sha384", "RSA-SHA384"),
        (Self::RsaSha512, "rsa-sha512", "RSA-SHA512"),
        (Self::RsaPssSha256, "rsa-pss-sha256", "RSA-PSS with SHA-256"),
        (Self::RsaPssSha384, "rsa-pss-sha384", "RSA-PSS with SHA-384"),
        (Self::RsaPssSha512, "rsa-pss-sha512", "RSA-PSS with SHA-512"),
        (Self::EcdsaSha256, "ecdsa-sha256", "ECDSA-SHA256 (P-256)"),
        (Self::EcdsaSha384, "ecdsa-sha384", "ECDSA-SHA384 (P-384)"),
        (Self::RsaSha1, "rsa-sha1", "RSA-SHA1 (Entra's other choice)"),
    ];

    /// One algorithm for each certificate.
    pub const CERTIFICATES: [Self; 3] = [Self::RsaSha256, Self::EcdsaSha256, Self::EcdsaSha384];

    /// The hash that is signed.
    #[must_use]
    pub const fn hash(self) -> Hash {
        match self {
            Self::RsaSha256 | Self::RsaPssSha256 | Self::EcdsaSha256 => Hash::Sha256,
            Self::RsaSha384 | Self::RsaPssSha384 | Self::EcdsaSha384 => Hash::Sha384,
            Self::RsaSha512 | Self::RsaPssSha512 => Hash::Sha512,
            Self::RsaSha1 => Hash::Sha1,
        }
    }

    /// Its name as `SignatureMethod` and `SigAlg`.
    #[must_use]
    pub const fn uri(self) -> &'static str {
        match self {
            Self::RsaSha256 => "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
            Self::RsaSha384 => "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384",
            Self::RsaSha512 => "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512",
            Self::RsaPssSha256 => "http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1",
            Self::RsaPssSha384 => "http://www.w3.org/2007/05/xmldsig-more#sha384-rsa-MGF1",
            Self::RsaPssSha512 => "http://www.w3.org/2007/05/xmldsig-more#sha512-rsa-MGF1",
            Self::EcdsaSha256 => "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
            Self::EcdsaSha384 => "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384",
            Self::RsaSha1 => "http://www.w3.org/2000/09/xmldsig#rsa-sha1",
        }
    }
}

impl Hash {
    /// Its name as `DigestMethod`.
    #[must_use]
    pub const fn uri(self) -> &'static str {
        match self {
            Self::Sha1 => "http://www.w3.org/2000/09/xmldsig#sha1",
            Self::Sha256 => "http://www.w3.org/2001/04/xmlenc#sha256",
            Self::Sha384 => "http://www.w3.org/2001/04/xmldsig-more#sha384",
            Self::Sha512 => "http://www.w3.org/2001/04/xmlenc#sha512",
        }
    }

    /// The hash of a message.
    #[must_use]
    pub fn of(self, message: &[u8]) -> Vec<u8> {
        let algorithm = match self {
            Self::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        };
        digest::digest(algorithm, message).as_ref().to_vec()
    }
}
