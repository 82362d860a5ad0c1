use super::*;

fn check(table: &[(&str, Option<AddressKind>)]) {
    for (text, expected) in table {
        let address: IpAddr = text.parse().unwrap();
        let found = AddressPolicy::PublicOnly.check(address).err().map(|forbidden| forbidden.kind);
        assert_eq!(found, *expected, "{text}");
    }
}

#[test]
fn special_ipv4_addresses_are_known_from_first_to_last() {
    use AddressKind::*;
    check(&[
        ("0.0.0.0", Some(Unspecified)),
        ("0.255.255.255", Some(Unspecified)),
        ("1.0.0.0", None),
        ("9.255.255.255", None),
        ("10.0.0.0", Some(Private)),
        ("10.255.255.255", Some(Private)),
        ("11.0.0.0", None),
        ("100.63.255.255", None),
        ("100.64.0.0", Some(CarrierGrade)),
        ("100.100.100.200", Some(CarrierGrade)),
        ("100.127.255.255", Some(CarrierGrade)),
        ("100.128.0.0", None),
        ("126.255.255.255", None),
        ("127.0.0.1", Some(Loopback)),
        ("127.255.255.255", Some(Loopback)),
        ("128.0.0.0", None),
        ("168.63.129.15", None),
        ("168.63.129.16", Some(Metadata)),
        ("168.63.129.17", None),
        ("169.253.255.255", None),
        ("169.254.169.254", Some(LinkLocal)),
        ("169.255.0.0", None),
        ("172.15.255.255", None),
        ("172.16.0.0", Some(Private)),
        ("172.31.255.255", Some(Private)),
        ("172.32.0.0", None),
        ("192.0.0.192", Some(Reserved)),
        ("192.0.1.0", None),
        ("192.0.2.255", Some(Documentation)),
        ("192.88.99.1", Some(Reserved)),
        ("192.167.255.255", None),
        ("192.168.0.0", Some(Private)),
        ("192.168.255.255", Some(Private)),
        ("192.169.0.0", None),
        ("198.17.255.255", None),
        ("198.18.0.0", Some(Benchmarking)),
        ("198.19.255.255", Some(Benchmarking)),
        ("198.20.0.0", None),
        ("198.51.100.1", Some(Documentation)),
        ("203.0.113.1", Some(Documentation)),
        ("223.255.255.255", None),
        ("224.0.0.1", Some(Multicast)),
        ("239.255.255.255", Some(Multicast)),
        ("240.0.0.0", Some(Reserved)),
        ("255.255.255.254", Some(Reserved)),
        ("255.255.255.255", Some(Broadcast)),
        ("8.8.8.8", None),
    ]);
}

#[test]
fn special_ipv6_addresses_are_known() {
    use AddressKind::*;
    check(&[
        ("::", Some(Unspecified)),
        ("::1", Some(Loopback)),
        ("100::1", Some(Reserved)),
        ("2001:2::1", Some(Benchmarking)),
        ("2001:20::1", Some(Reserved)),
        ("2001:1ff:ffff::1", Some(Reserved)),
        ("2001:200::1", None),
        ("2001:db7::1", None),
        ("2001:db8:ffff::1", Some(Documentation)),
        ("2001:db9::1", None),
        ("2606:4700:4700::1111", None),
        ("3ffe:ffff::1", None),
        ("3fff:fff::1", Some(Documentation)),
        ("3fff:1000::1", None),
        ("4000::1", Some(Reserved)),
        ("5f00::1", Some(Reserved)),
        ("fbff::1", Some(Reserved)),
        ("fc00::1", Some(Private)),
        ("fd00:ec2::254", Some(Private)),
        ("fe80::1", Some(LinkLocal)),
        ("febf::1", Some(LinkLocal)),
        ("fec0::1", Some(Private)),
        ("ff02::1", Some(Multicast)),
    ]);
}

#[test]
fn embedded_ipv4_addresses_count() {
    use AddressKind::*;
    check(&[
        ("::ffff:127.0.0.1", Some(Loopback)),
        ("::ffff:169.254.169.254", Some(LinkLocal)),
        ("::ffff:0.0.0.0", Some(Unspecified)),
        ("::ffff:8.8.8.8", None),
        ("::127.0.0.1", Some(Loopback)),
        ("::8.8.8.8", Some(Reserved)),
        ("::ffff:0:127.0.0.1", Some(Loopback)),
        ("::ffff:0:8.8.8.8", Some(Reserved)),
        ("64:ff9b::10.0.0.1", Some(Private)),
        ("64:ff9b::8.8.8.8", None),
        ("64:ff9b:1::8.8.8.8", Some(Reserved)),
        ("2002:7f00:1::1", Some(Loopback)),
        ("2002:a9fe:a9fe::1", Some(LinkLocal)),
        ("2002:808:808::1", None),
        // The client 192.168.0.1 behind the server 8.8.8.8.
        ("2001:0:808:808::3f57:fffe", Some(Private)),
        ("2001:0:7f00:1::f7f7:f7f7", Some(Loopback)),
        ("2001:0:808:808::f7f7:f7f7", Some(Reserved)),
    ]);
}

#[test]
fn some_addresses_are_never_allowed() {
    let never = [
        "0.0.0.0",
        "0.1.2.3",
        "::",
        "224.0.0.1",
        "239.1.2.3",
        "ff02::1",
        "255.255.255.255",
        "::ffff:0.0.0.0",
        "::ffff:255.255.255.255",
        "::224.0.0.1",
        "64:ff9b::224.0.0.1",
        "2002:e000:1::1",
        "2001:0:e000:1::1",
        "2001:0:808:808::1fff:fffe",
    ];
    for text in never {
        assert!(AddressPolicy::PrivateAllowed.check(text.parse().unwrap()).is_err(), "{text}");
    }
    for text in ["127.0.0.1", "::1", "10.0.0.1", "fd00::1", "169.254.1.1", "::ffff:192.168.0.1", "8.8.8.8"] {
        assert_eq!(AddressPolicy::PrivateAllowed.check(text.parse().unwrap()), Ok(()), "{text}");
    }
}

#[test]
fn the_refusal_says_what_the_address_is() {
    let forbidden = AddressPolicy::PublicOnly.check("127.0.0.1".parse().unwrap()).unwrap_err();
    assert_eq!(forbidden.to_string(), "127.0.0.1 is not allowed: a loopback address");
}
