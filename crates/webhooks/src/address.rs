//! Which addresses callbacks may reach (IANA special-purpose address registries, RFC 6890).
//!
//! A callback URL comes from outside, so whoever writes one must not be able to make the server talk to its own network.
//! The check is made on the address that is connected to, never on a name.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// How far callbacks may reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AddressPolicy {
    /// Public unicast addresses alone.
    #[default]
    PublicOnly,
    /// Also loopback and private networks, as in development. Never unspecified, multicast or broadcast addresses.
    PrivateAllowed,
}

/// What an address is for, when it is not for public use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressKind {
    /// 0.0.0.0/8, `::`.
    Unspecified,
    /// 127.0.0.0/8, `::1`.
    Loopback,
    /// RFC 1918, unique local and site-local addresses.
    Private,
    /// 169.254.0.0/16 with the clouds' metadata, `fe80::/10`.
    LinkLocal,
    /// Addresses behind a carrier's translation, 100.64.0.0/10 (RFC 6598).
    CarrierGrade,
    /// An address under which a cloud talks to its machines, outside the other ranges.
    Metadata,
    /// Groups.
    Multicast,
    /// 255.255.255.255.
    Broadcast,
    /// For examples.
    Documentation,
    /// For measurements, 198.18.0.0/15 (RFC 2544), `2001:2::/48`.
    Benchmarking,
    /// Anything else that is no public unicast address.
    Reserved,
}

/// An address that callbacks may not reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{address} is not allowed: {kind} address")]
pub struct ForbiddenAddress {
    /// Which.
    pub address: IpAddr,
    /// What it is.
    pub kind: AddressKind,
}

impl AddressPolicy {
    /// Whether this address may be connected to.
    pub fn check(self, address: IpAddr) -> Result<(), ForbiddenAddress> {
        match kinds(address).into_iter().flatten().find(|kind| self.forbids(*kind)) {
            Some(kind) => Err(ForbiddenAddress { address, kind }),
            None => Ok(()),
        }
    }

    fn forbids(self, kind: AddressKind) -> bool {
        use AddressKind::{Broadcast, Multicast, Unspecified};
        match self {
            Self::PublicOnly => true,
            Self::PrivateAllowed => matches!(kind, Unspecified | Multicast | Broadcast),
        }
    }
}

impl fmt::Display for AddressKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unspecified => "an unspecified",
            Self::Loopback => "a loopback",
            Self::Private => "a private",
            Self::LinkLocal => "a link-local",
            Self::CarrierGrade => "a carrier-grade NAT",
            Self::Metadata => "a metadata",
            Self::Multicast => "a multicast",
            Self::Broadcast => "a broadcast",
            Self::Documentation => "a documentation",
            Self::Benchmarking => "a benchmarking",
            Self::Reserved => "a reserved",
        })
    }
}

type V4Row = ([u8; 4], u32, AddressKind);
type V6Row = ([u16; 8], u32, AddressKind);

/// The first row that fits counts.
const V4: &[V4Row] = &[
    ([0, 0, 0, 0], 8, AddressKind::Unspecified),
    ([10, 0, 0, 0], 8, AddressKind::Private),
    ([100, 64, 0, 0], 10, AddressKind::CarrierGrade),
    ([127, 0, 0, 0], 8, AddressKind::Loopback),
    ([168, 63, 129, 16], 32, AddressKind::Metadata),
    ([169, 254, 0, 0], 16, AddressKind::LinkLocal),
    ([172, 16, 0, 0], 12, AddressKind::Private),
    ([192, 0, 0, 0], 24, AddressKind::Reserved),
    ([192, 0, 2, 0], 24, AddressKind::Documentation),
    ([192, 88, 99, 0], 24, AddressKind::Reserved),
    ([192, 168, 0, 0], 16, AddressKind::Private),
    ([198, 18, 0, 0], 15, AddressKind::Benchmarking),
    ([198, 51, 100, 0], 24, AddressKind::Documentation),
    ([203, 0, 113, 0], 24, AddressKind::Documentation),
    ([224, 0, 0, 0], 4, AddressKind::Multicast),
    ([255, 255, 255, 255], 32, AddressKind::Broadcast),
    ([240, 0, 0, 0], 4, AddressKind::Reserved),
];

/// The first row that fits counts. What is in none and not in 2000::/3 is reserved.
const V6: &[V6Row] = &[
    ([0, 0, 0, 0, 0, 0, 0, 0], 128, AddressKind::Unspecified),
    ([0, 0, 0, 0, 0, 0, 0, 1], 128, AddressKind::Loopback),
    ([0x2001, 2, 0, 0, 0, 0, 0, 0], 48, AddressKind::Benchmarking),
    ([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32, AddressKind::Documentation),
    // IETF protocol assignments, Teredo (2001::/32) among them.
    ([0x2001, 0, 0, 0, 0, 0, 0, 0], 23, AddressKind::Reserved),
    ([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20, AddressKind::Documentation),
    ([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7, AddressKind::Private),
    ([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10, AddressKind::LinkLocal),
    ([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10, AddressKind::Private),
    ([0xff00, 0, 0, 0, 0, 0, 0, 0], 8, AddressKind::Multicast),
];

/// What the address is and, for one that holds IPv4 addresses, what those are; nothing for public ones.
fn kinds(address: IpAddr) -> [Option<AddressKind>; 3] {
    let v6 = match address {
        IpAddr::V4(v4) => return [v4_kind(v4), None, None],
        IpAddr::V6(v6) => v6,
    };
    match embedded(v6) {
        Embedded::None => [v6_kind(v6), None, None],
        Embedded::StandsFor(v4) => [v4_kind(v4), None, None],
        Embedded::Holds(first, second) => [v4_kind(first), v4_kind(second), v6_kind(v6)],
    }
}

fn v4_kind(address: Ipv4Addr) -> Option<AddressKind> {
    let bits = address.to_bits();
    let fits = |(base, len, _): &&V4Row| (bits ^ Ipv4Addr::from(*base).to_bits()) >> (32 - len) == 0;
    V4.iter().find(fits).map(|(_, _, kind)| *kind)
}

fn v6_kind(address: Ipv6Addr) -> Option<AddressKind> {
    let bits = address.to_bits();
    let fits = |(base, len, _): &&V6Row| (bits ^ Ipv6Addr::from(*base).to_bits()) >> (128 - len) == 0;
    let is_global_unicast = bits >> 125 == 0b001;
    V6.iter().find(fits).map(|(_, _, kind)| *kind).or((!is_global_unicast).then_some(AddressKind::Reserved))
}

/// IPv4 addresses inside an IPv6 one.
enum Embedded {
    None,
    /// Packets go to this address, so it alone counts.
    StandsFor(Ipv4Addr),
    /// They are part of an address that is not public in any case.
    Holds(Ipv4Addr, Ipv4Addr),
}

fn embedded(address: Ipv6Addr) -> Embedded {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let v4 = |high: u16, low: u16| Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low));
    match [a, b, c, d, e, f] {
        // Mapped (RFC 4291, section 2.5.5.2).
        [0, 0, 0, 0, 0, 0xffff] => Embedded::StandsFor(v4(g, h)),
        // NAT64 (RFC 6052): how a machine with IPv6 alone reaches public IPv4 addresses.
        [0x64, 0xff9b, 0, 0, 0, 0] => Embedded::StandsFor(v4(g, h)),
        // 6to4 (RFC 3056).
        [0x2002, high, low, ..] => Embedded::StandsFor(v4(high, low)),
        // Teredo (RFC 4380): a server, and a client with its bits turned over.
        [0x2001, 0, high, low, ..] => Embedded::Holds(v4(high, low), v4(!g, !h)),
        // Compatible (deprecated), but for the two addresses that are not meant that way.
        [0, 0, 0, 0, 0, 0] if g != 0 || h > 1 => Embedded::Holds(v4(g, h), v4(g, h)),
        // Translated (RFC 2765).
        [0, 0, 0, 0, 0xffff, 0] => Embedded::Holds(v4(g, h), v4(g, h)),
        _ => Embedded::None,
    }
}

#[cfg(test)]
#[path = "address_tests.rs"]
mod tests;
