//! Which addresses are on the public internet.
//!
//! Source: IANA's registries of special-purpose addresses for IPv4 and IPv6. Of IPv6 only the global
//! unicast range counts at all, which leaves out mapped IPv4, NAT64, link-local, unique local and
//! multicast in one go.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Network and length of every IPv4 range that is not public.
const PRIVATE_V4: [([u8; 4], u32); 16] = [
    ([0, 0, 0, 0], 8),        // this network
    ([10, 0, 0, 0], 8),       // private
    ([100, 64, 0, 0], 10),    // behind a carrier's NAT
    ([127, 0, 0, 0], 8),      // this machine
    ([169, 254, 0, 0], 16),   // link-local; clouds answer with secrets here
    ([172, 16, 0, 0], 12),    // private
    ([192, 0, 0, 0], 24),     // protocol assignments
    ([192, 0, 2, 0], 24),     // documentation
    ([192, 88, 99, 0], 24),   // 6to4 relays
    ([192, 168, 0, 0], 16),   // private
    ([198, 18, 0, 0], 15),    // measuring
    ([198, 51, 100, 0], 24),  // documentation
    ([203, 0, 113, 0], 24),   // documentation
    ([168, 63, 129, 16], 32), // a cloud's inner service on a public number
    ([224, 0, 0, 0], 4),      // multicast
    ([240, 0, 0, 0], 4),      // reserved, broadcast
];

/// Parts of 2000::/3 that are not public.
const PRIVATE_V6: [([u16; 3], u32); 4] = [
    ([0x2001, 0, 0], 23),     // protocol assignments, Teredo among them
    ([0x2001, 0xdb8, 0], 32), // documentation
    ([0x2002, 0, 0], 16),     // 6to4, which wraps any IPv4 address
    ([0x3fff, 0, 0], 20),     // documentation
];

/// Whether a server there may be asked.
pub(crate) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let bits = address.to_bits();
    let within = |&(network, length): &([u8; 4], u32)| {
        let mask = u32::MAX << (32 - length);
        bits & mask == u32::from_be_bytes(network)
    };
    !PRIVATE_V4.iter().any(within)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let bits = address.to_bits();
    let within = |&([a, b, c], length): &([u16; 3], u32)| {
        let network = Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0).to_bits();
        let mask = u128::MAX << (128 - length);
        bits & mask == network
    };
    bits >> 125 == 0b001 && !PRIVATE_V6.iter().any(within)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_address_that_is_not_public_may_be_asked() {
        for text in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "10.255.255.255",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.0.9",
            "169.254.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.0.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.7",
            "168.63.129.16",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:8.8.8.8",
            "::8.8.8.8",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:0:53aa:64c:0:7fff:f5ff:fffe",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd12:3456::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            let address = text.parse().expect(text);
            assert!(!is_public(address), "{text}");
        }
    }

    #[test]
    fn public_addresses_just_outside_the_ranges_may() {
        for text in [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2606:4700:4700::1111",
            "2001:4860:4860::8888",
            "2003::1",
            "2a00:1450::1",
        ] {
            let address = text.parse().expect(text);
            assert!(is_public(address), "{text}");
        }
    }
}
