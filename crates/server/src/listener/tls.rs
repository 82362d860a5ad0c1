//! The certificate and its key: read at the start, and again when the files change.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// Why there can be no TLS with these files. None of it tells what stands in the key.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    #[error("the file {} can't be read", path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("the file {} of --tls-cert holds no certificate in PEM form", path.display())]
    NoCertificate { path: PathBuf },
    #[error("the file {} of --tls-key holds no private key in PEM form", path.display())]
    NoKey { path: PathBuf },
    #[error("the certificate {} and the key {} can't be used together", certificate.display(), key.display())]
    Unusable { certificate: PathBuf, key: PathBuf, source: rustls::Error },
}

/// Where certificate and key are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TlsFiles {
    /// The chain, the server's own certificate first.
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

/// TLS for new connections, with the files as they last were good.
#[derive(Debug, Clone)]
pub(crate) struct Tls {
    pub(super) current: watch::Receiver<Arc<ServerConfig>>,
}

impl Tls {
    /// Reads the files, and watches them from then on.
    pub(crate) fn start(files: TlsFiles) -> Result<Self, TlsError> {
        Self::looking_every(LOOK_EVERY, files)
    }

    pub(super) fn looking_every(period: Duration, files: TlsFiles) -> Result<Self, TlsError> {
        let stamp = files.stamp();
        let (sender, current) = watch::channel(files.load()?);
        tokio::spawn(follow(files, stamp, period, sender));
        Ok(Self { current })
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.current.borrow()))
    }
}

/// Loads the files whenever they changed, as long as anybody uses what comes of it.
async fn follow(
    files: TlsFiles,
    mut stamp: [Option<Stamp>; 2],
    period: Duration,
    sender: watch::Sender<Arc<ServerConfig>>,
) {
    let mut looks = tokio::time::interval(period);
    loop {
        tokio::select! {
            _ = looks.tick() => {}
            () = sender.closed() => return,
        }
        let known = stamp;
        let at = files.clone();
        let look = move || {
            let now = at.stamp();
            (now, (now != known).then(|| at.load()))
        };
        let Ok((now, loaded)) = tokio::task::spawn_blocking(look).await else { return };
        stamp = now;
        match loaded {
            Some(Ok(config)) => {
                sender.send_replace(config);
                tracing::info!(
                    "new connections get the certificate that is now in {}",
                    files.certificate.display()
                );
            }
            Some(Err(error)) => tracing::error!(
                error = crate::with_causes(&error),
                "the changed certificate can't be used; the former stays"
            ),
            None => {}
        }
    }
}

/// What shows that a file was written: when, and how long it is.
type Stamp = (SystemTime, u64);

impl TlsFiles {
    fn stamp(&self) -> [Option<Stamp>; 2] {
        [&self.certificate, &self.key].map(|path| {
            let metadata = std::fs::metadata(path).ok()?;
            Some((metadata.modified().ok()?, metadata.len()))
        })
    }

    fn load(&self) -> Result<Arc<ServerConfig>, TlsError> {
        let Self { certificate, key } = self;
        let chain = CertificateDer::pem_slice_iter(&read(certificate)?).collect::<Result<Vec<_>, _>>();
        let chain = chain.ok().filter(|chain| !chain.is_empty());
        let chain = chain.ok_or_else(|| TlsError::NoCertificate { path: certificate.clone() })?;
        let private = PrivateKeyDer::from_pem_slice(&read(key)?);
        let private = private.map_err(|_| TlsError::NoKey { path: key.clone() })?;
        let unusable =
            |source| TlsError::Unusable { certificate: certificate.clone(), key: key.clone(), source };
        let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(unusable)?
            .with_no_client_auth()
            .with_single_cert(chain, private)
            .map_err(unusable)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|source| TlsError::Unreadable { path: path.to_owned(), source })
}
