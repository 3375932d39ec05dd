//! An address of the web, read by one parser for all uses: what is checked is what is connected to and
//! what is asked for.

use std::net::IpAddr;

use axum::http::Uri;

use super::FetchError;

/// Longer addresses are no addresses.
const URL_BYTES: usize = 4096;
const HTTPS: u16 = 443;
/// How much of a wrong address its complaint repeats.
const SHOWN: usize = 60;

/// Where a picture is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    host: String,
    port: u16,
    path: String,
}

impl Place {
    /// Reads an absolute https address.
    pub fn read(url: &str) -> Result<Self, FetchError> {
        let wrong = || FetchError::Place(url.chars().take(SHOWN).collect());
        if url.len() > URL_BYTES {
            return Err(wrong());
        }
        // What stands after `#` is the reader's own business.
        let url = url.split('#').next().unwrap_or_default();
        let uri: Uri = url.parse().map_err(|_| wrong())?;
        let authority = uri.authority().ok_or_else(wrong)?;
        let https = uri.scheme_str().is_some_and(|scheme| scheme == "https");
        if !https || authority.as_str().contains('@') || authority.host().is_empty() {
            return Err(wrong());
        }
        let port = match authority.port() {
            // What follows the host and is no port must not be overlooked.
            None if authority.as_str().len() > authority.host().len() => return Err(wrong()),
            None => HTTPS,
            Some(port) => port.as_str().parse().map_err(|_| wrong())?,
        };
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        Ok(Self {
            host: authority.host().to_ascii_lowercase(),
            port,
            path: if path.is_empty() { "/" } else { path }.to_owned(),
        })
    }

    /// Where a redirect leads, as seen from here.
    pub fn join(&self, location: &str) -> Result<Self, FetchError> {
        if location.contains("://") {
            return Self::read(location);
        }
        if location.starts_with("//") {
            return Self::read(&format!("https:{location}"));
        }
        let origin = format!("https://{}", self.authority());
        if location.starts_with('/') {
            return Self::read(&format!("{origin}{location}"));
        }
        if location.contains(':') {
            return Self::read(location);
        }
        let path = self.path.split('?').next().unwrap_or_default();
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        Self::read(&format!("{origin}{folder}/{location}"))
    }

    /// Name or address, in brackets if it is an IPv6 address.
    pub fn host(&self) -> &str {
        &self.host
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// With query.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// As the `Host` header says it.
    pub fn authority(&self) -> String {
        match self.port {
            HTTPS => self.host.clone(),
            port => format!("{}:{port}", self.host),
        }
    }

    /// The address, where the host is one.
    pub fn literal(&self) -> Option<IpAddr> {
        self.bare_host().parse().ok()
    }

    /// Without the brackets of an IPv6 address.
    pub fn bare_host(&self) -> &str {
        let inner = self
            .host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'));
        inner.unwrap_or(&self.host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(url: &str) -> Place {
        Place::read(url).expect(url)
    }

    #[test]
    fn the_log_repeats_no_address_for_it_may_carry_a_password() {
        let error = Place::read("http://admin:secret@camera/1.jpg?sig=secret").expect_err("http");
        assert!(error.to_string().contains("camera"));
        assert!(!error.logged().contains("secret"), "{}", error.logged());
        assert!(!error.logged().contains("admin"), "{}", error.logged());
    }

    #[test]
    fn only_https_without_a_login_is_a_place() {
        assert_eq!(place("https://Example.com").authority(), "example.com");
        assert_eq!(place("https://example.com:8443/a?b#c").path(), "/a?b");
        assert_eq!(
            place("https://[2001:db8::1]/").literal(),
            "2001:db8::1".parse().ok()
        );
        for wrong in [
            "http://example.com/",
            "file:///etc/passwd",
            "ftp://example.com/",
            "https://user@example.com/",
            "https://example.com@10.0.0.1/",
            "https://",
            "https:///path",
            "//example.com/",
            "/etc/passwd",
            "gopher://example.com/",
            "https://example.com:99999/",
            "https://exa mple.com/",
            &format!("https://example.com/{}", "x".repeat(URL_BYTES)),
        ] {
            assert!(
                matches!(Place::read(wrong), Err(FetchError::Place(_))),
                "{wrong}"
            );
        }
    }

    #[test]
    fn a_redirect_is_read_from_where_it_was_given() {
        let from = place("https://example.com:8443/a/b?c");
        for (location, wanted) in [
            ("https://other.example/x", "https://other.example/x"),
            ("//other.example/x", "https://other.example/x"),
            ("/x?y", "https://example.com:8443/x?y"),
            ("x", "https://example.com:8443/a/x"),
        ] {
            assert_eq!(
                from.join(location).expect(location),
                place(wanted),
                "{location}"
            );
        }
        for wrong in [
            "http://other.example/",
            "file:///etc/passwd",
            "javascript:alert(1)",
        ] {
            assert!(from.join(wrong).is_err(), "{wrong}");
        }
    }
}
