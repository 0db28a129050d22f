//! The identifiers of requests.

/// A random identifier in the form of a version 4 UUID, by which a reply finds its request.
pub(crate) fn random() -> String {
    format(rand::random())
}

fn format(random: u128) -> String {
    const VERSION_4: u128 = 4 << 76;
    const VARIANT_1: u128 = 0b10 << 62;
    let bits = random & !(0xf << 76) & !(0b11 << 62) | VERSION_4 | VARIANT_1;
    let hex = format!("{bits:032x}");
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_and_variant_are_where_rfc_9562_wants_them() {
        assert_eq!(format(0), "00000000-0000-4000-8000-000000000000");
        assert_eq!(format(u128::MAX), "ffffffff-ffff-4fff-bfff-ffffffffffff");
        assert_eq!(format(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef), "01234567-89ab-4def-8123-456789abcdef");
    }

    #[test]
    fn two_are_never_the_same() {
        assert_ne!(random(), random());
    }
}
