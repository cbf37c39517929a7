//! Keys kept in files that only their owner can read.

use std::{fs, path::Path};

/// Reads two files, and makes them if either is missing.
///
/// # Errors
/// Files that cannot be read, written or made.
pub fn load_or_make(
    directory: &Path,
    [secret, public]: [&str; 2],
    make: impl FnOnce() -> Result<(Vec<u8>, Vec<u8>), String>,
) -> Result<(Vec<u8>, Vec<u8>), String> {
    let (secret, public) = (directory.join(secret), directory.join(public));
    if !secret.exists() || !public.exists() {
        fs::create_dir_all(directory).map_err(|error| cannot("make", directory, &error))?;
        let (key, certificate) = make()?;
        write_private(&secret, &key)?;
        fs::write(&public, certificate).map_err(|error| cannot("write", &public, &error))?;
    }
    let read = |path: &Path| fs::read(path).map_err(|error| cannot("read", path, &error));
    Ok((read(&secret)?, read(&public)?))
}

/// Writes a file that only its owner can read.
///
/// # Errors
/// It cannot be written.
pub fn write_private(path: &Path, contents: &[u8]) -> Result<(), String> {
    use std::io::Write;
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let mut file = options.open(path).map_err(|error| cannot("write", path, &error))?;
    file.write_all(contents).map_err(|error| cannot("write", path, &error))
}

fn cannot(what: &str, path: &Path, error: &std::io::Error) -> String {
    format!("cannot {what} {}: {error}", path.display())
}
