//! Addresses of clients and the networks they belong to.

use std::net::{IpAddr, Ipv4Addr};

/// A network in CIDR notation (RFC 4632, RFC 4291 section 2.3). An IPv4-mapped address is the IPv4 address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    length: u32,
}

/// Why a text is no network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetworkError {
    /// Neither an address nor an address with a prefix length.
    Malformed,
    /// Bits behind the prefix are set: the address lies inside the network that is meant, or another is meant.
    HostBits,
}

impl Network {
    /// Reads `10.0.0.0/8`, `2001:db8::/32` or a single address.
    ///
    /// # Errors
    /// See [`NetworkError`].
    pub fn read(text: &str) -> Result<Self, NetworkError> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let written: IpAddr = address.parse().map_err(|_| NetworkError::Malformed)?;
        let width = width(written);
        let length = match length {
            // `+8` and `08` are numbers to `parse`, and no prefix lengths.
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with("00") => {
                digits.parse().ok().filter(|length| *length <= width).ok_or(NetworkError::Malformed)?
            }
            Some(_) => return Err(NetworkError::Malformed),
            None => width,
        };
        if bits(written) & !mask(length, width) != 0 {
            return Err(NetworkError::HostBits);
        }
        let address = written.to_canonical();
        let length = match (written, address) {
            // The mapped addresses are the last 32 bits of ::ffff:0:0/96; a shorter prefix holds more than them.
            (IpAddr::V6(_), IpAddr::V4(_)) => length.checked_sub(96).ok_or(NetworkError::Malformed)?,
            _ => length,
        };
        Ok(Self { address, length })
    }

    /// Whether the address belongs to it.
    #[must_use]
    pub fn holds(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        let width = width(self.address);
        let mask = mask(self.length, width);
        self.address.is_ipv4() == address.is_ipv4() && bits(self.address) & mask == bits(address) & mask
    }
}

impl std::fmt::Display for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}

fn width(address: IpAddr) -> u32 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(u32::from(address)),
        IpAddr::V6(address) => u128::from(address),
    }
}

/// The first `length` of `width` bits.
fn mask(length: u32, width: u32) -> u128 {
    let all = if width == 32 { u128::from(u32::MAX) } else { u128::MAX };
    let behind = width.saturating_sub(length);
    all.checked_shr(width.saturating_sub(behind)).map_or(all, |rest| all & !rest)
}

/// The address in the host's notation of a peer: `192.0.2.1:443` or `[2001:db8::1]:443`. `None` where it is none, such as
/// the path of a socket in the file system.
#[must_use]
pub fn peer_address(text: &str) -> Option<IpAddr> {
    let (address, port) = text.rsplit_once(':')?;
    if port.is_empty() || !port.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let address = match address.strip_prefix('[') {
        Some(rest) => IpAddr::V6(rest.strip_suffix(']')?.parse().ok()?),
        None => IpAddr::V4(address.parse::<Ipv4Addr>().ok()?),
    };
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn holds(network: &str, address: &str) -> bool {
        Network::read(network).unwrap().holds(address.parse().unwrap())
    }

    #[test]
    fn a_network_holds_its_addresses_and_no_others() {
        for (network, inside, outside) in [
            ("10.0.0.0/8", "10.255.255.255", "11.0.0.0"),
            ("192.0.2.128/25", "192.0.2.128", "192.0.2.127"),
            ("192.0.2.1", "192.0.2.1", "192.0.2.2"),
            ("0.0.0.0/0", "203.0.113.9", "2001:db8::1"),
            ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::"),
            ("2001:db8::/127", "2001:db8::1", "2001:db8::2"),
            ("::/0", "2001:db8::1", "192.0.2.1"),
            ("::1", "::1", "::2"),
        ] {
            assert!(holds(network, inside), "{network} {inside}");
            assert!(!holds(network, outside), "{network} {outside}");
        }
    }

    #[test]
    fn a_mapped_address_is_the_ipv4_address_it_maps() {
        assert!(holds("10.0.0.0/8", "::ffff:10.1.2.3"));
        assert!(holds("::ffff:10.0.0.0/104", "10.1.2.3"));
        assert!(!holds("::ffff:10.0.0.0/104", "11.1.2.3"));
        assert!(!holds("::/0", "::ffff:10.1.2.3"));
    }

    #[test]
    fn what_is_no_network_is_refused() {
        use NetworkError::*;
        for (text, error) in [
            ("", Malformed),
            ("10.0.0.0/33", Malformed),
            ("10.0.0.0/+8", Malformed),
            ("10.0.0.0/008", Malformed),
            ("10.0.0/8", Malformed),
            ("010.0.0.0/8", Malformed),
            ("::/129", Malformed),
            ("example.com", Malformed),
            ("10.0.0.0/", Malformed),
            ("10.0.0.1/8", HostBits),
            ("2001:db8::1/32", HostBits),
        ] {
            assert_eq!(Network::read(text), Err(error), "{text}");
        }
    }

    #[test]
    fn the_address_of_a_peer_is_read_or_it_is_unknown() {
        let read = |text| peer_address(text).map(|address| address.to_string());
        assert_eq!(read("192.0.2.1:443").as_deref(), Some("192.0.2.1"));
        assert_eq!(read("[2001:db8::1]:443").as_deref(), Some("2001:db8::1"));
        assert_eq!(read("[::ffff:192.0.2.1]:1").as_deref(), Some("192.0.2.1"));
        for text in
            ["", "192.0.2.1", "/run/envoy.sock", "@abstract:1", "2001:db8::1:443", "[::1]:", "[::1]", "a:1"]
        {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
