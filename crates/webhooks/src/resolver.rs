//! Names to addresses, none of which is forbidden.
//!
//! The HTTP client connects to what this returns and asks nobody else, so a name can't answer one address to a check and
//! another to the connection.

use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::Semaphore;

use crate::{AddressPolicy, ForbiddenAddress};

/// The most look-ups at a time. The system's resolver holds a thread of the process for up to half a minute when name
/// servers are silent, and threads are shared with work that must not wait.
const LOOKUPS_MAX: usize = 64;

/// Why a name gives no address to connect to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ResolveError {
    #[error("the name can't be resolved")]
    Unresolvable,
    /// Says what the first of its addresses is.
    #[error("the name has no address that is allowed: {0}")]
    AllForbidden(ForbiddenAddress),
}

/// The system's resolver behind the policy.
#[derive(Debug, Clone)]
pub(crate) struct GuardedResolver {
    policy: AddressPolicy,
    lookups: Arc<Semaphore>,
}

impl GuardedResolver {
    pub(crate) fn new(policy: AddressPolicy) -> Self {
        Self { policy, lookups: Arc::new(Semaphore::new(LOOKUPS_MAX)) }
    }

    async fn look_up(self, name: String) -> Result<Vec<SocketAddr>, ResolveError> {
        let permit = self.lookups.acquire_owned().await.map_err(|_| ResolveError::Unresolvable)?;
        let found = tokio::task::spawn_blocking(move || {
            // Held until the thread is free, also when nobody waits for the answer any more.
            let _permit = permit;
            (name.as_str(), 0).to_socket_addrs()
        });
        match found.await {
            Ok(Ok(addresses)) => allowed(self.policy, addresses),
            Ok(Err(_)) | Err(_) => Err(ResolveError::Unresolvable),
        }
    }
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let look_up = self.clone().look_up(name.as_str().to_owned());
        Box::pin(async move { Ok(Box::new(look_up.await?.into_iter()) as Addrs) })
    }
}

/// Those of the addresses that may be connected to, in their order.
fn allowed(
    policy: AddressPolicy,
    addresses: impl Iterator<Item = SocketAddr>,
) -> Result<Vec<SocketAddr>, ResolveError> {
    let mut forbidden = None;
    let mut kept = Vec::new();
    for address in addresses {
        match policy.check(address.ip()) {
            Ok(()) => kept.push(address),
            Err(error) => forbidden = forbidden.or(Some(error)),
        }
    }
    match (kept.is_empty(), forbidden) {
        (false, _) => Ok(kept),
        (true, Some(error)) => Err(ResolveError::AllForbidden(error)),
        (true, None) => Err(ResolveError::Unresolvable),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::AddressKind;

    fn check(addresses: &[&str], expected: Result<&[&str], Option<AddressKind>>) {
        let parse =
            |texts: &[&str]| -> Vec<SocketAddr> { texts.iter().map(|text| text.parse().unwrap()).collect() };
        let found = allowed(AddressPolicy::PublicOnly, parse(addresses).into_iter());
        let expected = expected.map(parse);
        let found = found.map_err(|error| match error {
            ResolveError::AllForbidden(forbidden) => Some(forbidden.kind),
            ResolveError::Unresolvable => None,
        });
        assert_eq!(found, expected, "{addresses:?}");
    }

    #[test]
    fn only_allowed_addresses_of_a_name_are_tried() {
        check(&["8.8.8.8:0", "10.0.0.1:0", "[2606:4700::1]:0"], Ok(&["8.8.8.8:0", "[2606:4700::1]:0"]));
        check(&["127.0.0.1:0", "8.8.8.8:0"], Ok(&["8.8.8.8:0"]));
        check(&["127.0.0.1:0", "10.0.0.1:0"], Err(Some(AddressKind::Loopback)));
        check(&["[::ffff:169.254.169.254]:0"], Err(Some(AddressKind::LinkLocal)));
        check(&[], Err(None));
    }

    #[tokio::test]
    async fn the_name_of_this_machine_is_refused() {
        let look_up = |policy, name: &str| GuardedResolver::new(policy).look_up(name.to_owned());
        let refused = look_up(AddressPolicy::PublicOnly, "localhost").await.unwrap_err();
        assert!(
            matches!(&refused, ResolveError::AllForbidden(error) if error.kind == AddressKind::Loopback),
            "{refused}"
        );
        // Whether the name resolves in this form depends on the system.
        assert!(look_up(AddressPolicy::PublicOnly, "localhost.").await.is_err());
        assert!(!look_up(AddressPolicy::PrivateAllowed, "localhost").await.unwrap().is_empty());
        assert_eq!(
            look_up(AddressPolicy::PublicOnly, "no such name").await.unwrap_err(),
            ResolveError::Unresolvable
        );
    }
}
