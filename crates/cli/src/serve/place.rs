//! Where the desk is: the socket, its address in a browser, and who can reach
//! it there.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};

use crate::failure::{Failure, Outcome};

/// An address that is bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub bound: SocketAddr,
}

impl Place {
    /// The place of a bound socket.
    pub fn of(bound: SocketAddr) -> Self {
        Self { bound }
    }

    /// What to type into a browser on this machine.
    pub fn url(&self) -> String {
        let mut address = self.bound;
        if address.ip().is_unspecified() {
            address.set_ip(IpAddr::V4(Ipv4Addr::LOCALHOST));
        }
        format!("http://{address}")
    }

    /// Who can reach the desk, when that is more than this machine, and how
    /// many keys let them in.
    pub fn warning(&self, keys: Option<usize>) -> Option<String> {
        let who = reach(self.bound.ip())?;
        let port = self.bound.port();
        Some(match keys {
            None => format!(
                "warning: {who} can use this desk on port {port}, without a password and without \
                 encryption; leave --host out to keep it to this machine"
            ),
            Some(keys) => format!(
                "{who} can reach this desk on port {port} and use it with a key of the file, which \
                 has {keys}; what is sent is not encrypted, so put a proxy with TLS before it where others \
                 listen"
            ),
        })
    }
}

/// Who can reach an address of this machine, when that is more than itself.
pub fn reach(ip: IpAddr) -> Option<String> {
    if ip.is_loopback() {
        return None;
    }
    Some(match ip.is_unspecified() {
        true => "everyone on any network of this machine".to_owned(),
        false => format!("everyone on the network of {ip}"),
    })
}

/// Takes the port, or says in one sentence why not and what to do.
pub fn bind(host: IpAddr, port: u16) -> Outcome<TcpListener> {
    let taken = || -> io::Result<TcpListener> {
        let listener = TcpListener::bind((host, port))?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    };
    taken().map_err(|error| Failure::Failed(sentence(host, port, &error)))
}

fn sentence(host: IpAddr, port: u16, error: &io::Error) -> String {
    let address = SocketAddr::new(host, port);
    match error.kind() {
        ErrorKind::AddrInUse => format!(
            "port {port} is taken, perhaps by a desk that runs already: look at {}, or choose \
             another port with --port {}",
            Place::of(address).url(),
            if port == u16::MAX { 8501 } else { port + 1 }
        ),
        ErrorKind::AddrNotAvailable => format!(
            "{host} is not an address of this machine; leave --host out, or use 0.0.0.0 to let \
             other machines in"
        ),
        ErrorKind::PermissionDenied => {
            format!(
                "port {port} needs more rights than you have; choose one above 1023 with --port"
            )
        }
        _ => format!("cannot listen on {address}: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(address: &str) -> Place {
        Place::of(address.parse().unwrap())
    }

    #[test]
    fn a_taken_port_is_said_in_one_sentence_with_the_way_out() {
        let holder = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = holder.local_addr().unwrap().port();
        let Err(Failure::Failed(text)) = bind(IpAddr::V4(Ipv4Addr::LOCALHOST), port) else {
            panic!("the port is taken");
        };
        assert!(text.starts_with(&format!("port {port} is taken")), "{text}");
        assert!(text.contains("--port") && !text.contains('\n'), "{text}");
    }

    #[test]
    fn an_address_of_another_machine_is_said_so() {
        // Set aside for documentation: no machine has it.
        let host = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
        let Err(Failure::Failed(text)) = bind(host, 0) else {
            panic!("nobody has this address");
        };
        assert!(text.contains("not an address of this machine"), "{text}");
    }

    #[test]
    fn the_address_to_open_is_one_a_browser_can_open() {
        assert_eq!(place("127.0.0.1:8501").url(), "http://127.0.0.1:8501");
        assert_eq!(place("0.0.0.0:80").url(), "http://127.0.0.1:80");
        assert_eq!(place("[::1]:8501").url(), "http://[::1]:8501");
    }

    #[test]
    fn only_a_desk_that_others_can_reach_warns() {
        assert_eq!(place("127.0.0.1:8501").warning(None), None);
        assert_eq!(place("[::1]:8501").warning(Some(1)), None);
        let open = place("0.0.0.0:8501").warning(None).unwrap();
        assert!(open.contains("everyone") && open.contains("8501"), "{open}");
        let one = place("192.168.1.7:8501").warning(None).unwrap();
        assert!(one.contains("the network of 192.168.1.7"), "{one}");
        let locked = place("192.168.1.7:8501").warning(Some(3)).unwrap();
        assert!(locked.contains("which has 3"), "{locked}");
    }
}
