//! Who is behind a trusted proxy (`X-Forwarded-For`).

use std::net::IpAddr;

use axum::http::{HeaderMap, HeaderName};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The address that a request comes from: the peer's, or, while that is a trusted proxy, what it says of its own
/// peer. Each proxy appends, so the last address that is not a proxy's is the last that somebody trusted has seen;
/// everything before it may be invented.
pub(super) fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[IpAddr]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.contains(&address.to_canonical());
    let mut client = peer;
    let values = headers.get_all(&FORWARDED_FOR).iter().rev();
    for said in values.flat_map(|value| value.to_str().unwrap_or_default().rsplit(',')) {
        if !is_trusted(client) {
            break;
        }
        let Some(address) = address_in(said.trim()) else { break };
        client = address;
    }
    client
}

/// Some proxies add the port.
fn address_in(text: &str) -> Option<IpAddr> {
    let with_port = || text.parse().ok().map(|address: std::net::SocketAddr| address.ip());
    text.parse().ok().or_else(with_port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_address_that_no_proxy_has_is_the_clients() {
        let trusted: Vec<IpAddr> = vec!["192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap()];
        for (peer, said, expected) in [
            ("198.51.100.1", &[][..], "198.51.100.1"),
            ("198.51.100.1", &["203.0.113.1"], "198.51.100.1"),
            ("192.0.2.1", &[], "192.0.2.1"),
            ("192.0.2.1", &["203.0.113.1"], "203.0.113.1"),
            ("::ffff:192.0.2.1", &["203.0.113.1"], "203.0.113.1"),
            ("192.0.2.1", &["203.0.113.9, 203.0.113.1"], "203.0.113.1"),
            ("192.0.2.1", &["203.0.113.9", "203.0.113.1 , 192.0.2.2"], "203.0.113.1"),
            ("192.0.2.1", &["203.0.113.1:1234"], "203.0.113.1"),
            ("192.0.2.1", &["[2001:db8::1]:1234"], "2001:db8::1"),
            ("192.0.2.1", &["203.0.113.1, unknown"], "192.0.2.1"),
            ("192.0.2.1", &["192.0.2.2"], "192.0.2.2"),
            ("192.0.2.1", &[""], "192.0.2.1"),
        ] {
            let mut headers = HeaderMap::new();
            for said in said {
                headers.append(FORWARDED_FOR, said.parse().unwrap());
            }
            let client = client_address(peer.parse().unwrap(), &headers, &trusted);
            assert_eq!(client, expected.parse::<IpAddr>().unwrap(), "{peer} {said:?}");
        }
    }
}
