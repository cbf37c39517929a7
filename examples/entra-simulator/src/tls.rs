//! A throw-away certificate authority and server certificate for a demonstration on this machine.

use std::{fs, path::Path};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose,
};

use crate::{clock, keys::files::write_private};

/// Makes `ca.pem`, `server.pem` and `server.key` in a directory, unless they are all there. The key of the authority
/// is not kept, so nothing else can ever be signed with it.
///
/// # Errors
/// The files cannot be made.
pub fn make(directory: &Path, name: &str) -> Result<(), String> {
    let [authority, server, key] = ["ca.pem", "server.pem", "server.key"].map(|file| directory.join(file));
    if [&authority, &server, &key].iter().all(|path| path.exists()) {
        return Ok(());
    }
    fs::create_dir_all(directory).map_err(|error| format!("cannot make {}: {error}", directory.display()))?;
    let made = generate(name).map_err(|error| format!("no certificate could be made: {error}"))?;
    write_private(&key, made.server_key.as_bytes())?;
    for (path, text) in [(&server, made.server), (&authority, made.authority)] {
        fs::write(path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    }
    Ok(())
}

struct Made {
    authority: String,
    server: String,
    server_key: String,
}

fn generate(name: &str) -> Result<Made, rcgen::Error> {
    let mut authority = parameters("Demonstration on this machine only", &[])?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let authority_key = KeyPair::generate()?;
    let authority_certificate = authority.self_signed(&authority_key)?;

    let mut server = parameters(name, &[name.to_owned(), "127.0.0.1".to_owned()])?;
    server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    server.use_authority_key_identifier_extension = true;
    let server_key = KeyPair::generate()?;
    let server_certificate = server.signed_by(&server_key, &Issuer::new(authority, authority_key))?;
    Ok(Made {
        authority: authority_certificate.pem(),
        server: server_certificate.pem(),
        server_key: server_key.serialize_pem(),
    })
}

fn parameters(name: &str, alternatives: &[String]) -> Result<CertificateParams, rcgen::Error> {
    let mut parameters = CertificateParams::new(alternatives)?;
    parameters.distinguished_name = DistinguishedName::new();
    parameters.distinguished_name.push(DnType::CommonName, name);
    let date = |days| {
        let (year, month, day) = clock::date_in(days);
        rcgen::date_time_ymd(year, month, day)
    };
    parameters.not_before = date(-1);
    parameters.not_after = date(365);
    Ok(parameters)
}

#[cfg(test)]
mod tests {
    #[test]
    fn certificates_are_made_once() {
        let directory =
            std::env::temp_dir().join(format!("entra-simulator-{}", crate::random::guid().unwrap()));
        super::make(&directory, "localhost").unwrap();
        let first = std::fs::read_to_string(directory.join("server.pem")).unwrap();
        super::make(&directory, "localhost").unwrap();
        let second = std::fs::read_to_string(directory.join("server.pem")).unwrap();
        std::fs::remove_dir_all(&directory).unwrap();
        assert_eq!(first, second);
        assert!(first.starts_with("-----BEGIN CERTIFICATE-----"));
    }
}
