//! Raw deflate (RFC 1951), as messages travel in a query (Bindings 3.4.4.1).

use super::xml::Limits;

/// Not one deflated message, or one that inflates to more than is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotDeflated;

/// What [`inflate`] gives back.
#[must_use]
pub fn deflate(message: &[u8]) -> Vec<u8> {
    miniz_oxide::deflate::compress_to_vec(message, 9)
}

/// Bounded in its result by [`Limits::MESSAGE`]: a few octets can become a gigabyte.
///
/// # Errors
/// Where the octets are cut off or no deflated data, or there is too much in them.
pub fn inflate(deflated: &[u8]) -> Result<Vec<u8>, NotDeflated> {
    miniz_oxide::inflate::decompress_to_vec_with_limit(deflated, Limits::MESSAGE.bytes)
        .map_err(|_| NotDeflated)
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn what_is_deflated_here_inflates_to_the_same() {
        for message in ["", "a", "<a/>", &"<a b='c'/>".repeat(10_000)] {
            assert_eq!(inflate(&deflate(message.as_bytes())).as_deref(), Ok(message.as_bytes()));
        }
    }

    #[test]
    fn what_would_be_too_large_is_no_message_and_the_largest_is_one() {
        let most = Limits::MESSAGE.bytes;
        assert_eq!(inflate(&deflate(&vec![b'a'; most])).map(|all| all.len()), Ok(most));
        assert_eq!(inflate(&deflate(&vec![b'a'; most + 1])), Err(NotDeflated));
        // A gigabyte in a megabyte is given up at the bound as well.
        assert_eq!(inflate(&deflate(&vec![0; 16 << 20])), Err(NotDeflated));
    }

    #[test]
    fn what_is_cut_off_or_nothing_at_all_is_no_message() {
        let whole = deflate(b"<a>some text, some text, some more text</a>");
        for end in 0..whole.len() {
            assert_eq!(inflate(&whole[..end]), Err(NotDeflated), "{end}");
        }
    }
}
