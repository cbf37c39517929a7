//! Networks in CIDR notation (RFC 4632, RFC 4291 section 2.3), and the address of a peer as the proxy gives it.

use std::net::{IpAddr, SocketAddr};

/// A network: `10.0.0.0/8`, `2001:db8::/32`, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cidr {
    network: u128,
    mask: u128,
    is_v4: bool,
}

/// Why a text is no network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CidrProblem {
    /// Neither an address nor an address with a length.
    Malformed,
    /// Bits behind the length are set: two readers could mean different networks.
    HostBits,
}

impl Cidr {
    /// Reads a network; an address alone is a network of itself.
    ///
    /// # Errors
    /// Where the text is no network, or has bits behind its length.
    pub fn read(text: &str) -> Result<Self, CidrProblem> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| CidrProblem::Malformed)?;
        let (bits, is_v4) = bits(address);
        let width: u32 = if is_v4 { 32 } else { 128 };
        let length = match length {
            // `+8` and `08` are numbers to some readers only.
            Some(text) if text.len() > 3 || !text.bytes().all(|byte| byte.is_ascii_digit()) => {
                return Err(CidrProblem::Malformed);
            }
            Some(text) if text.len() > 1 && text.starts_with('0') => return Err(CidrProblem::Malformed),
            Some(text) => text.parse::<u32>().map_err(|_| CidrProblem::Malformed)?,
            None => width,
        };
        if length > width {
            return Err(CidrProblem::Malformed);
        }
        // The bits of an IPv4 address are the last 32.
        let free = width.saturating_sub(length);
        let mask = u128::MAX.checked_shl(free).unwrap_or(0);
        if bits & !mask != 0 {
            return Err(CidrProblem::HostBits);
        }
        Ok(Self { network: bits, mask, is_v4 })
    }

    /// Whether an address lies within. An IPv4 address in IPv6 form is the IPv4 address.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let (bits, is_v4) = bits(address);
        is_v4 == self.is_v4 && bits & self.mask == self.network
    }
}

fn bits(address: IpAddr) -> (u128, bool) {
    match address.to_canonical() {
        IpAddr::V4(address) => (u128::from(u32::from(address)), true),
        IpAddr::V6(address) => (u128::from(address), false),
    }
}

/// The address in a property such as `source.address`: `192.0.2.1:443`, `[2001:db8::1]:443`, or without a port.
#[must_use]
pub fn peer_address(property: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(property).ok()?;
    let address = text.parse::<SocketAddr>().map(|socket| socket.ip()).or_else(|_| text.parse::<IpAddr>());
    address.ok().map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn holds(network: &str, address: &str) -> bool {
        Cidr::read(network).unwrap().contains(address.parse().unwrap())
    }

    #[test]
    fn a_network_holds_its_addresses_and_no_others() {
        for (network, inside, outside) in [
            ("10.0.0.0/8", "10.255.255.255", "11.0.0.0"),
            ("10.1.2.3", "10.1.2.3", "10.1.2.4"),
            ("10.1.2.3/32", "10.1.2.3", "10.1.2.2"),
            ("0.0.0.0/0", "255.1.2.3", "::1"),
            ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::"),
            ("::/0", "2001:db9::", "10.0.0.1"),
            ("::1", "::1", "::2"),
        ] {
            assert!(holds(network, inside), "{network} {inside}");
            assert!(!holds(network, outside), "{network} {outside}");
        }
        assert!(holds("10.0.0.0/8", "::ffff:10.1.2.3"));
    }

    #[test]
    fn what_two_readers_could_read_differently_is_no_network() {
        for text in
            ["", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/08", "10.0.0/8", "a", "::/129"]
        {
            assert_eq!(Cidr::read(text), Err(CidrProblem::Malformed), "{text}");
        }
        assert_eq!(Cidr::read("10.0.0.1/8"), Err(CidrProblem::HostBits));
        assert_eq!(Cidr::read("2001:db8::1/32"), Err(CidrProblem::HostBits));
    }

    #[test]
    fn the_address_of_a_peer_is_read_with_and_without_port() {
        for (property, address) in [
            ("192.0.2.1:443", "192.0.2.1"),
            ("[2001:db8::1]:443", "2001:db8::1"),
            ("192.0.2.1", "192.0.2.1"),
            ("[::ffff:192.0.2.1]:9", "192.0.2.1"),
        ] {
            assert_eq!(peer_address(property.as_bytes()), address.parse().ok(), "{property}");
        }
        for property in ["", "/run/socket", "a:1", "192.0.2.1:x"] {
            assert_eq!(peer_address(property.as_bytes()), None);
        }
    }
}
