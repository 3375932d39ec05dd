//! Under which names this server may be spoken to.
//!
//! A web page elsewhere can have its own name resolve to this machine and then
//! read the desk as if it were its own (DNS rebinding). Such a request still
//! says that name in `Host`, so names nobody gave us are turned away. An
//! address cannot be rebound: a browser that says one was told that address.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use axum::http::uri::Authority;

/// The names and addresses a request may be addressed to.
#[derive(Clone, Debug)]
pub struct AllowedHosts {
    names: HashSet<String>,
    addresses: HashSet<IpAddr>,
    /// Bound to every interface: any address may be ours.
    any_address: bool,
}

/// A host option that is no host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a host name; write it as in the address bar, without http:// and port")]
pub struct NotAHost(String);

impl AllowedHosts {
    /// This machine's own names, the address the server is bound to, and
    /// whatever names it was given besides.
    pub fn new(bound: SocketAddr, given: &[String]) -> Result<Self, NotAHost> {
        let mut allowed = Self {
            names: HashSet::from(["localhost".to_owned()]),
            addresses: HashSet::from([
                IpAddr::V4(Ipv4Addr::LOCALHOST),
                IpAddr::V6(Ipv6Addr::LOCALHOST),
                bound.ip(),
            ]),
            any_address: bound.ip().is_unspecified(),
        };
        for host in given {
            match Host::read(host) {
                Some(Host::Name(name)) => allowed.names.insert(name),
                Some(Host::Address(address)) => allowed.addresses.insert(address),
                None => return Err(NotAHost(host.clone())),
            };
        }
        Ok(allowed)
    }

    /// Whether a `Host` header with this value may come in. The port does not
    /// matter: whoever reaches us found it.
    pub fn allows(&self, authority: &str) -> bool {
        match Host::read(authority) {
            Some(Host::Name(name)) => self.names.contains(&name),
            Some(Host::Address(address)) => self.any_address || self.addresses.contains(&address),
            None => false,
        }
    }
}

enum Host {
    Name(String),
    Address(IpAddr),
}

impl Host {
    fn read(text: &str) -> Option<Self> {
        let authority: Authority = text.parse().ok()?;
        let host = authority.host();
        if host.is_empty() || authority.as_str().contains('@') {
            return None;
        }
        let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
        if let Ok(address) = bare.unwrap_or(host).parse() {
            return Some(Self::Address(address));
        }
        let name = host.strip_suffix('.').unwrap_or(host);
        Some(Self::Name(name.to_ascii_lowercase()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bound(address: &str, given: &[&str]) -> AllowedHosts {
        let given: Vec<_> = given.iter().map(|host| (*host).to_owned()).collect();
        let bound = address.parse().expect("an address");
        AllowedHosts::new(bound, &given).expect("hosts")
    }

    #[test]
    fn this_machines_own_names_come_in_whatever_the_port() {
        let hosts = bound("127.0.0.1:8501", &[]);
        for host in [
            "localhost:8501",
            "localhost",
            "LOCALHOST.",
            "127.0.0.1:8501",
            "127.0.0.1:9",
            "[::1]:8501",
        ] {
            assert!(hosts.allows(host), "{host}");
        }
    }

    #[test]
    fn names_nobody_gave_stay_out() {
        let hosts = bound("127.0.0.1:8501", &[]);
        for host in [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "user@localhost",
            "localhost@evil.example",
            "192.168.1.7:8501",
            "0.0.0.0:8501",
            "",
            "[::1",
            "local host",
        ] {
            assert!(!hosts.allows(host), "{host}");
        }
    }

    #[test]
    fn a_server_on_every_interface_answers_to_addresses_but_not_to_names() {
        let hosts = bound("0.0.0.0:8501", &[]);
        assert!(hosts.allows("192.168.1.7:8501"));
        assert!(hosts.allows("[fd00::7]:8501"));
        assert!(!hosts.allows("evil.example:8501"));
    }

    #[test]
    fn given_names_come_in_too() {
        let hosts = bound("127.0.0.1:8501", &["Desk.example", "10.0.0.7"]);
        assert!(hosts.allows("desk.example"));
        assert!(hosts.allows("10.0.0.7:8501"));
        let wrong = AllowedHosts::new(
            "127.0.0.1:1".parse().expect("an address"),
            &["http://desk".into()],
        );
        assert_eq!(wrong.err(), Some(NotAHost("http://desk".into())));
    }
}
