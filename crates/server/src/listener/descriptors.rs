//! How many files the process may have open: each connection is one.

/// What is needed besides connections: the store, the media port, web pages, standard streams.
const OTHERS: u64 = 128;

/// Raises the soft limit to the hard one, and says so when that is too little for this many connections.
pub(crate) fn raise_descriptors(connections_max: usize) {
    let wanted = u64::try_from(connections_max).unwrap_or(u64::MAX).saturating_add(OTHERS);
    match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(limit) if limit < wanted => {
            tracing::warn!(limit, wanted, "the system allows fewer open files than --max-connections needs");
        }
        Ok(_) => {}
        Err(error) => tracing::warn!(%error, "the limit of open files can't be raised"),
    }
}
