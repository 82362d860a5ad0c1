//! Where a callback goes.

use std::fmt;
use std::sync::Arc;

use url::Url;

/// A text that is no URL to post to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an absolute http or https URL")]
pub struct DestinationError;

/// A URL as it is used: normalised after the WHATWG URL standard, so that `http://0x7f.1` is known as 127.0.0.1.
#[derive(Clone)]
pub struct Destination {
    url: Url,
    origin: Origin,
}

/// Scheme, host and port of a URL: what a dead receiver has in common with nobody else.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin(Arc<str>);

impl Destination {
    /// Takes an absolute http(s) URL.
    pub fn parse(text: &str) -> Result<Self, DestinationError> {
        let url = Url::parse(text).map_err(|_| DestinationError)?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(DestinationError);
        }
        let origin = Origin(url.origin().ascii_serialization().into());
        Ok(Self { url, origin })
    }

    /// Scheme, host and port.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    pub(crate) fn url(&self) -> &Url {
        &self.url
    }
}

impl fmt::Debug for Destination {
    /// Shows the origin alone: path, query and user info may be secrets of the application.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Destination({})", self.origin)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Origin({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_origin_holds_nothing_private() {
        let secretive =
            Destination::parse("https://user:word@Example.com:8443/secret?key=secret#secret").unwrap();
        assert_eq!(format!("{secretive:?}"), "Destination(https://example.com:8443)");
        assert_eq!(secretive.origin().to_string(), "https://example.com:8443");
    }

    #[test]
    fn ports_and_schemes_make_different_origins() {
        let origin = |text| Destination::parse(text).unwrap().origin().clone();
        assert_eq!(origin("http://a/x"), origin("http://A:80/y?z"));
        assert_ne!(origin("http://a"), origin("https://a"));
        assert_ne!(origin("http://a"), origin("http://a:8080"));
    }

    #[test]
    fn only_http_urls_with_a_host_are_taken() {
        for refused in
            ["", "a", "//a", "ftp://a", "file:///etc/passwd", "http://", "http://a:99999", "data:x"]
        {
            assert_eq!(Destination::parse(refused).err(), Some(DestinationError), "{refused}");
        }
    }
}
