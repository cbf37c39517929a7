//! The public key and the dates out of an X.509 certificate. Trust in SAML is by key: no chain is built, no name read.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rsa::RsaPublicKey;
use rsa::traits::PublicKeyParts;
use x509_cert::der::asn1::{BitStringRef, ObjectIdentifier, UintRef};
use x509_cert::der::{Decode, Encode};
use x509_cert::spki::SubjectPublicKeyInfoRef;

use crate::common::UnixMillis;

/// A certificate longer than this is refused unread; real ones have 1 to 4 KiB.
const MAX_DER: usize = 65_536;
/// An RSA key of fewer bits is short: known only to callers that ask for it.
const MIN_BITS: u32 = 2048;
const MIN_SHORT_BITS: u32 = 1024;
const MAX_BITS: u32 = 8192;

/// `id-ecPublicKey` (RFC 5480, 2.1.1).
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
/// `secp256r1` (RFC 5480, 2.1.1.1).
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
/// `secp384r1` (RFC 5480, 2.1.1.1).
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");

/// A key that signatures are verified with: RSA of 2048 to 8192 bit with an odd exponent of at least 3, or a point on
/// P-256 or P-384.
#[derive(Clone)]
pub struct PublicKey {
    spki: Vec<u8>,
    short: bool,
    kind: KeyKind,
    validity: Option<Validity>,
}

/// The key in the form its algorithm wants.
#[derive(Clone)]
pub(super) enum KeyKind {
    Rsa(RsaPublicKey),
    P256(p256::ecdsa::VerifyingKey),
    P384(p384::ecdsa::VerifyingKey),
}

/// From when until when a certificate says it is valid, both ends included (RFC 5280, 4.1.2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// The first moment.
    pub not_before: UnixMillis,
    /// The last moment.
    pub not_after: UnixMillis,
}

impl Validity {
    /// Whether `now` is within.
    #[must_use]
    pub fn contains(&self, now: UnixMillis) -> bool {
        self.not_before <= now && now <= self.not_after
    }
}

/// Why a certificate or key cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateError {
    /// Neither PEM of one certificate nor Base64 of DER.
    Encoding,
    /// Not one certificate in strict DER, or something follows it.
    Der,
    /// The key is neither RSA nor a point on P-256 or P-384.
    KeyType,
    /// The modulus has fewer than 2048 or more than 8192 bit.
    KeySize,
    /// The exponent is even or less than 3.
    Exponent,
    /// Not a point on the curve, or not written uncompressed.
    Point,
}

impl CertificateError {
    /// Stable public code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Encoding => "certificate_encoding",
            Self::Der => "certificate_der",
            Self::KeyType => "certificate_key_type",
            Self::KeySize => "certificate_key_size",
            Self::Exponent => "certificate_exponent",
            Self::Point => "certificate_point",
        }
    }
}

impl std::fmt::Display for CertificateError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Encoding => "not a certificate in PEM or in Base64 of DER",
            Self::Der => "not one X.509 certificate in strict DER",
            Self::KeyType => "the certificate's key is neither RSA nor on the curve P-256 or P-384",
            Self::KeySize => "the certificate's RSA key must have 2048 to 8192 bit",
            Self::Exponent => "the certificate's RSA exponent must be odd and at least 3",
            Self::Point => "the certificate's key is not a point on its curve",
        })
    }
}

impl std::error::Error for CertificateError {}

impl PublicKey {
    /// Takes the key of a certificate given as PEM or as bare Base64 of DER (white space allowed).
    ///
    /// # Errors
    /// Where it is no certificate or its key is not allowed.
    pub fn from_certificate(text: &str) -> Result<Self, CertificateError> {
        Self::from_certificate_der(&decode(text)?)
    }

    /// As [`PublicKey::from_certificate`], but an RSA key may have as few as 1024 bit; [`PublicKey::is_short`] tells,
    /// and whoever verifies with it must have been told to.
    ///
    /// # Errors
    /// Where it is no certificate or its key is not allowed.
    pub fn from_certificate_even_short(text: &str) -> Result<Self, CertificateError> {
        Self::of_certificate(&decode(text)?, MIN_SHORT_BITS)
    }

    /// Takes the key of a certificate in DER.
    ///
    /// # Errors
    /// Where it is no certificate or its key is not allowed.
    pub fn from_certificate_der(der: &[u8]) -> Result<Self, CertificateError> {
        Self::of_certificate(der, MIN_BITS)
    }

    fn of_certificate(der: &[u8], least_bits: u32) -> Result<Self, CertificateError> {
        if der.len() > MAX_DER {
            return Err(CertificateError::Der);
        }
        let certificate = x509_cert::Certificate::from_der(der).map_err(|_| CertificateError::Der)?;
        let tbs = certificate.tbs_certificate();
        let spki = tbs.subject_public_key_info().to_der().map_err(|_| CertificateError::Der)?;
        let moment =
            |time: &x509_cert::time::Time| UnixMillis::from_seconds(time.to_unix_duration().as_secs());
        let validity = Validity {
            not_before: moment(&tbs.validity().not_before),
            not_after: moment(&tbs.validity().not_after),
        };
        Ok(Self { validity: Some(validity), ..Self::of_spki(&spki, least_bits)? })
    }

    /// Takes a `SubjectPublicKeyInfo` in DER.
    ///
    /// # Errors
    /// Where it is not strict DER or the key is not allowed.
    pub fn from_spki(der: &[u8]) -> Result<Self, CertificateError> {
        Self::of_spki(der, MIN_BITS)
    }

    fn of_spki(der: &[u8], least_bits: u32) -> Result<Self, CertificateError> {
        let spki = SubjectPublicKeyInfoRef::from_der(der).map_err(|_| CertificateError::Der)?;
        let kind = if spki.algorithm.oid == rsa::pkcs1::ALGORITHM_OID {
            KeyKind::Rsa(rsa_key(spki, least_bits)?)
        } else if spki.algorithm.oid == EC {
            ec_key(&spki)?
        } else {
            return Err(CertificateError::KeyType);
        };
        let short = matches!(&kind, KeyKind::Rsa(key) if key.n().bits() < MIN_BITS);
        Ok(Self { spki: der.to_vec(), short, kind, validity: None })
    }

    /// Takes modulus and exponent of an RSA key, big-endian (`n` and `e` of RFC 7518 section 6.3.1, decoded).
    ///
    /// # Errors
    /// Where the key is not allowed.
    pub fn from_rsa_parts(modulus: &[u8], exponent: &[u8]) -> Result<Self, CertificateError> {
        let key = rsa::pkcs1::RsaPublicKeyRef {
            modulus: UintRef::new(modulus).map_err(|_| CertificateError::KeySize)?,
            public_exponent: UintRef::new(exponent).map_err(|_| CertificateError::Exponent)?,
        };
        let key = key.to_der().map_err(|_| CertificateError::Der)?;
        let spki = SubjectPublicKeyInfoRef {
            algorithm: rsa::pkcs1::ALGORITHM_ID,
            subject_public_key: BitStringRef::from_bytes(&key).map_err(|_| CertificateError::Der)?,
        };
        Self::from_spki(&spki.to_der().map_err(|_| CertificateError::Der)?)
    }

    /// Takes the coordinates of a point on P-256 or P-384, at full length (RFC 7518 section 6.2.1, decoded): the length
    /// says which curve.
    ///
    /// # Errors
    /// Where this is no point on either curve.
    pub fn from_ec_point(x: &[u8], y: &[u8]) -> Result<Self, CertificateError> {
        // `SubjectPublicKeyInfo` with named curve (RFC 5480, 2.1.1.1) up to the octets of the uncompressed point.
        const P256: &[u8] =
            b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\
            \x03\x42\x00\x04";
        const P384: &[u8] = b"\x30\x76\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22\x03\x62\x00\x04";
        match (x.len(), y.len()) {
            (32, 32) => Self::from_spki(&[P256, x, y].concat()),
            (48, 48) => Self::from_spki(&[P384, x, y].concat()),
            _ => Err(CertificateError::KeySize),
        }
    }

    /// DER of the `SubjectPublicKeyInfo`.
    #[must_use]
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// Octets of a signature by this key.
    #[must_use]
    pub fn signature_length(&self) -> usize {
        match &self.kind {
            KeyKind::Rsa(key) => key.size(),
            KeyKind::P256(_) => 64,
            KeyKind::P384(_) => 96,
        }
    }

    /// Whether it is an RSA key of fewer than 2048 bit.
    #[must_use]
    pub fn is_short(&self) -> bool {
        self.short
    }

    /// The dates of the certificate the key came in, where it came in one.
    #[must_use]
    pub fn validity(&self) -> Option<Validity> {
        self.validity
    }

    pub(super) fn kind(&self) -> &KeyKind {
        &self.kind
    }
}

impl PartialEq for PublicKey {
    /// Two keys are one where their octets are; the dates do not matter.
    fn eq(&self, other: &Self) -> bool {
        self.spki == other.spki
    }
}

impl Eq for PublicKey {}

/// Adds a key to those of an identity provider. One that is there already, of a certificate that was renewed, counts once,
/// with the dates of both: the signature does not tell which certificate its maker has.
pub fn keep_key(keys: &mut Vec<PublicKey>, key: PublicKey) {
    match keys.iter_mut().find(|have| **have == key) {
        Some(have) => {
            have.validity = have.validity.zip(key.validity).map(|(one, other)| Validity {
                not_before: one.not_before.min(other.not_before),
                not_after: one.not_after.max(other.not_after),
            });
        }
        None => keys.push(key),
    }
}

impl std::fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.kind {
            KeyKind::Rsa(key) => write!(f, "PublicKey(rsa {})", key.size().saturating_mul(8)),
            KeyKind::P256(_) => f.write_str("PublicKey(p256)"),
            KeyKind::P384(_) => f.write_str("PublicKey(p384)"),
        }
    }
}

fn rsa_key(spki: SubjectPublicKeyInfoRef<'_>, least_bits: u32) -> Result<RsaPublicKey, CertificateError> {
    // RFC 3279, 2.3.1: the parameters are NULL.
    if !spki.algorithm.parameters.is_some_and(|parameters| parameters.is_null()) {
        return Err(CertificateError::Der);
    }
    let octets = spki.subject_public_key.as_bytes().ok_or(CertificateError::Der)?;
    let parts = rsa::pkcs1::RsaPublicKeyRef::try_from(octets).map_err(|_| CertificateError::Der)?;
    let modulus = parts.modulus.as_bytes();
    let bits = u32::try_from(modulus.len())
        .ok()
        .and_then(|length| length.checked_mul(8))
        .and_then(|bits| bits.checked_sub(modulus.first().map_or(0, |byte| byte.leading_zeros())))
        .unwrap_or_default();
    if !(least_bits..=MAX_BITS).contains(&bits) {
        return Err(CertificateError::KeySize);
    }
    let exponent = parts.public_exponent.as_bytes();
    if exponent.last().is_none_or(|last| last & 1 == 0) || exponent == [1] {
        return Err(CertificateError::Exponent);
    }
    RsaPublicKey::try_from(spki).map_err(|_| CertificateError::Exponent)
}

fn ec_key(spki: &SubjectPublicKeyInfoRef<'_>) -> Result<KeyKind, CertificateError> {
    let curve = spki.algorithm.parameters_oid().map_err(|_| CertificateError::KeyType)?;
    let point = spki.subject_public_key.as_bytes().ok_or(CertificateError::Der)?;
    // RFC 5480, 2.2: 4 stands for the uncompressed form, the only one that everybody must know.
    if point.first() != Some(&4) {
        return Err(CertificateError::Point);
    }
    if curve == P256 {
        p256::ecdsa::VerifyingKey::from_sec1_bytes(point).map(KeyKind::P256)
    } else if curve == P384 {
        p384::ecdsa::VerifyingKey::from_sec1_bytes(point).map(KeyKind::P384)
    } else {
        return Err(CertificateError::KeyType);
    }
    .map_err(|_| CertificateError::Point)
}

/// DER out of PEM of exactly one certificate, or out of bare Base64.
fn decode(text: &str) -> Result<Vec<u8>, CertificateError> {
    let text = text.trim();
    let inside = match text.strip_prefix("-----BEGIN CERTIFICATE-----") {
        Some(rest) => rest.strip_suffix("-----END CERTIFICATE-----").ok_or(CertificateError::Encoding)?,
        None => text,
    };
    let packed: String = inside.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    if packed.is_empty() {
        return Err(CertificateError::Encoding);
    }
    STANDARD.decode(packed).map_err(|_| CertificateError::Encoding)
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;
    use x509_cert::der::asn1::UintRef;

    const RSA: &str = include_str!("../../tests/vectors/saml/idp.cert.pem");
    const EC_KEY: &str = include_str!("../../tests/vectors/saml/idp-ec.cert.pem");

    fn der() -> Vec<u8> {
        decode(RSA).unwrap()
    }

    /// `SubjectPublicKeyInfo` of an RSA key of these numbers.
    fn rsa_spki(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
        let wrap = |tag: u8, inside: &[u8]| {
            let length = u16::try_from(inside.len()).unwrap().to_be_bytes();
            let header = match inside.len() {
                0..=127 => vec![tag, length[1]],
                128..=255 => vec![tag, 0x81, length[1]],
                _ => vec![tag, 0x82, length[0], length[1]],
            };
            [header.as_slice(), inside].concat()
        };
        let number = |octets: &[u8]| UintRef::new(octets).unwrap().to_der().unwrap();
        let key = wrap(0x30, &[number(modulus), number(exponent)].concat());
        let oid = [0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 5, 0];
        let bits = wrap(3, &[&[0], key.as_slice()].concat());
        wrap(0x30, &[oid.as_slice(), bits.as_slice()].concat())
    }

    fn modulus(bits: usize) -> Vec<u8> {
        let mut octets = vec![0xff; bits.div_ceil(8)];
        octets[0] = 0xff >> (octets.len() * 8 - bits);
        octets
    }

    #[test]
    fn a_certificate_is_read_as_pem_and_as_bare_base64() {
        let pem = PublicKey::from_certificate(RSA).unwrap();
        let lines: Vec<_> = RSA.lines().filter(|line| !line.starts_with('-')).collect();
        assert_eq!(PublicKey::from_certificate(&lines.concat()).unwrap(), pem);
        assert_eq!(PublicKey::from_certificate(&format!(" {}\r\n", lines.join("\r\n"))).unwrap(), pem);
        assert_eq!(PublicKey::from_certificate_der(&der()).unwrap(), pem);
        assert_eq!(format!("{pem:?}"), "PublicKey(rsa 2048)");
        assert_eq!(format!("{:?}", PublicKey::from_certificate(EC_KEY).unwrap()), "PublicKey(p256)");
        assert!(pem.validity().unwrap().contains(UnixMillis::parse_rfc3339("2027-01-01T00:00:00Z").unwrap()));
        assert!(!pem.validity().unwrap().contains(UnixMillis::default()));
    }

    #[test]
    fn the_key_alone_is_read_from_its_own_octets() {
        for text in [RSA, EC_KEY] {
            let key = PublicKey::from_certificate(text).unwrap();
            assert_eq!(PublicKey::from_spki(key.spki()).unwrap(), key);
        }
    }

    #[test]
    fn anything_that_is_not_one_certificate_is_refused() {
        for text in
            ["", " ", "x", "-----BEGIN CERTIFICATE-----", "AAAA", &format!("{RSA}{RSA}"), &format!("{RSA}x")]
        {
            assert!(PublicKey::from_certificate(text).is_err(), "{text}");
        }
    }

    #[test]
    fn octets_behind_or_missing_from_the_certificate_are_refused() {
        let mut longer = der();
        longer.push(0);
        assert_eq!(PublicKey::from_certificate_der(&longer), Err(CertificateError::Der));
        for end in 0..der().len() {
            assert!(PublicKey::from_certificate_der(&der()[..end]).is_err());
        }
        let key = PublicKey::from_certificate(RSA).unwrap();
        let longer = [key.spki(), &[0]].concat();
        assert_eq!(PublicKey::from_spki(&longer), Err(CertificateError::Der));
    }

    #[test]
    fn an_rsa_key_has_2048_to_8192_bit_and_an_odd_exponent_from_3() {
        for (bits, exponent, expected) in [
            (1024, &[1, 0, 1][..], Err(CertificateError::KeySize)),
            (2047, &[1, 0, 1], Err(CertificateError::KeySize)),
            (2048, &[1, 0, 1], Ok(())),
            (4096, &[3], Ok(())),
            (8192, &[1, 0, 1], Ok(())),
            (8193, &[1, 0, 1], Err(CertificateError::KeySize)),
            (2048, &[1], Err(CertificateError::Exponent)),
            (2048, &[2], Err(CertificateError::Exponent)),
            (2048, &[1, 0, 0], Err(CertificateError::Exponent)),
        ] {
            let found = PublicKey::from_spki(&rsa_spki(&modulus(bits), exponent)).map(|_| ());
            assert_eq!(found, expected, "{bits} bit, exponent {exponent:?}");
        }
    }

    #[test]
    fn another_kind_of_key_is_refused() {
        // An Ed25519 key (RFC 8410).
        let ed25519 = [&[0x30, 42, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 33, 0][..], &[7; 32]].concat();
        assert_eq!(PublicKey::from_spki(&ed25519), Err(CertificateError::KeyType));
    }

    #[test]
    fn a_point_off_the_curve_is_refused() {
        let mut spki = PublicKey::from_certificate(EC_KEY).unwrap().spki().to_vec();
        *spki.last_mut().unwrap() ^= 1;
        assert_eq!(PublicKey::from_spki(&spki), Err(CertificateError::Point));
    }
}
