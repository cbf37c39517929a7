//! Random bytes and GUIDs.

/// Fills an array from the operating system's generator.
///
/// # Errors
/// The generator is not available.
pub fn bytes<const N: usize>() -> Result<[u8; N], String> {
    let mut out = [0u8; N];
    getrandom::fill(&mut out).map_err(|error| format!("no random numbers: {error}"))?;
    Ok(out)
}

/// A random (version 4) GUID in lower case.
///
/// # Errors
/// The generator is not available.
pub fn guid() -> Result<String, String> {
    let mut raw = u128::from_be_bytes(bytes::<16>()?);
    raw &= !(0xf << 76) & !(0x3 << 62);
    raw |= (0x4 << 76) | (0x2 << 62);
    let part = |shift: u32, width: usize| {
        let mask = (1u128 << (4 * width)) - 1;
        format!("{:0width$x}", (raw >> shift) & mask)
    };
    Ok(format!("{}-{}-{}-{}-{}", part(96, 8), part(80, 4), part(64, 4), part(48, 4), part(0, 12)))
}

#[cfg(test)]
mod tests {
    use super::guid;

    #[test]
    fn a_guid_has_the_shape_of_version_4() {
        let id = guid().unwrap();
        let lengths: Vec<usize> = id.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12], "{id}");
        assert_eq!(id.as_bytes()[14], b'4', "{id}");
        assert!(b"89ab".contains(&id.as_bytes()[19]), "{id}");
        assert_ne!(id, guid().unwrap());
    }
}
