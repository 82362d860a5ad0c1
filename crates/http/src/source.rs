//! Where a request comes from.

use std::net::{IpAddr, Ipv6Addr};

/// The address that a request comes from, as an extension of the request. Whoever accepts connections puts it there.
///
/// Neighbours of one IPv6 network count as one: it stands for the first 64 bits, since a single host has all others
/// to choose from (RFC 6177 section 2). An IPv4 address inside IPv6 counts as the IPv4 address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Source(IpAddr);

impl Source {
    /// The source that an address counts as.
    pub fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(v6) if !v6.is_loopback() => {
                IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)))
            }
            other => other,
        })
    }

    /// Whether it is this host itself.
    pub fn is_loopback(self) -> bool {
        self.0.is_loopback()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_counts_as_one_source_whatever_address_it_takes() {
        for (one, other, same) in [
            ("192.0.2.1", "192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
            ("192.0.2.1", "::ffff:192.0.2.1", true),
            ("2001:db8::1", "2001:db8::ffff:1", true),
            ("2001:db8::1", "2001:db8:0:1::1", false),
            ("::1", "127.0.0.1", false),
        ] {
            let of = |text: &str| Source::of(text.parse().unwrap());
            assert_eq!(of(one) == of(other), same, "{one} {other}");
        }
        assert!(Source::of("::1".parse().unwrap()).is_loopback());
        assert!(!Source::of("::2".parse().unwrap()).is_loopback());
    }
}
