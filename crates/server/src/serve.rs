//! Starting everything in order, and ending it in order.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use crosspoint_http::{Accounts, Credential};
use crosspoint_media::{IceKey, MediaAddresses, MediaPlane, MediaPlaneError};
use crosspoint_model::{Limits, Model};
use crosspoint_store::{EmbeddedStore, OpenError, Store, StoreError};
use crosspoint_token::TokenKey;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::clock::Clock;
use crate::config::{Config, DEV_ACCOUNT, Mode};
use crate::core::{Core, MediaPlaneEnded};
use crate::device_api::Door;
use crate::handle::CoreHandle;
use crate::health::Phase;
use crate::keys::{self, Purpose};
use crate::storage::{Storage, StoreHealth};
use crate::{assets, device_api, health};

/// The most sessions of one account: each takes about 500 bytes.
const ACCOUNT_SESSIONS_MAX: usize = 200_000;
/// The most participants of one account: each takes about 1 kB.
const ACCOUNT_PARTICIPANTS_MAX: usize = 500_000;
/// The most idempotency keys of one account within a day: each takes about 1 kB.
const ACCOUNT_IDEMPOTENCY_KEYS_MAX: usize = 200_000;
/// How long a drain takes at least, so that load balancers see `/readyz` fail before the port closes.
const DRAIN_LEAST: Duration = Duration::from_secs(2);
/// How long open HTTP exchanges may take to finish at the end.
const HTTP_END_MAX: Duration = Duration::from_secs(5);

/// Why the server could not start or had to end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServeError {
    #[error("can't listen on {listen}")]
    Listen { listen: SocketAddr, source: std::io::Error },
    #[error(transparent)]
    Media(#[from] MediaPlaneError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    MediaPlaneEnded(#[from] MediaPlaneEnded),
    #[error("a thread can't be started")]
    Thread(#[source] std::io::Error),
    #[error("serving HTTP failed")]
    Http(#[source] std::io::Error),
    #[error("a signal handler can't be set up")]
    Signals(#[source] std::io::Error),
    #[error("the system gives no random numbers: {0}")]
    Random(String),
    #[error("the core ended unexpectedly")]
    CorePanicked,
}

impl ServeError {
    /// Whether another configuration would help.
    pub(crate) fn is_wrong_configuration(&self) -> bool {
        matches!(self, Self::Media(MediaPlaneError::NothingToAdvertise | MediaPlaneError::NotAdvertisable(_)))
    }
}

/// Sent to a process that writes beyond its file size limit (RLIMIT_FSIZE); by itself it ends the process.
const SIGXFSZ: i32 = 25;

/// Runs the server until it is told to stop.
pub(crate) async fn run(config: Config) -> Result<(), ServeError> {
    // A file that must not grow is an error of one write, not the end of the process.
    let _file_size = signal(SignalKind::from_raw(SIGXFSZ)).map_err(ServeError::Signals)?;
    let mut store = EmbeddedStore::open(&config.data_dir, fresh_secret()?)?;
    let listen = config.listen;
    let listener = TcpListener::bind(listen).await.map_err(|source| ServeError::Listen { listen, source })?;
    let local = listener.local_addr().map_err(|source| ServeError::Listen { listen, source })?;
    let addresses = MediaAddresses { listen: config.media_listen, advertise: config.advertise.clone() };
    let media =
        MediaPlane::start(&addresses, IceKey::new(&keys::derive(store.secret(), Purpose::IcePasswords)))?;
    let mut stop_signals = StopSignals::new().map_err(ServeError::Signals)?;

    let clock = Clock::start();
    let limits = Limits {
        session_participants_max: config.max_participants,
        account_sessions_max: ACCOUNT_SESSIONS_MAX,
        account_participants_max: ACCOUNT_PARTICIPANTS_MAX,
        account_idempotency_keys_max: ACCOUNT_IDEMPOTENCY_KEYS_MAX,
        lifetime: config.lifetime,
    };
    let records = store.load()?;
    tracing::info!(
        sessions = records.sessions.len(),
        participants = records.participants.len(),
        "state is kept in {}",
        config.data_dir.display()
    );
    let tokens = TokenKey::new(keys::derive(store.secret(), Purpose::DeviceTokens));
    let (storage, store_health) = Storage::start(store).map_err(ServeError::Thread)?;
    let (core, handle) = Core::new(Model::new(limits), storage, records, media.orders(), clock);
    let (stop_core, core_stop) = watch::channel(false);
    let mut core_task = tokio::spawn(core.run(core_stop));

    let (phase, phase_watch) = watch::channel(Phase::Serving);
    let app = application(&config, tokens, handle.clone(), clock, phase_watch, store_health);
    let (stop_http, mut http_stop) = watch::channel(false);
    let server = axum::serve(listener, app).with_graceful_shutdown(async move {
        // An error means that the other side is gone: stop as well.
        let _ = http_stop.wait_for(|stop| *stop).await;
    });
    let http_task = tokio::spawn(server.into_future());
    announce(&config, local, &media);

    let outcome = tokio::select! {
        signal = stop_signals.next() => {
            if signal == StopSignal::Terminate {
                drain(&config, &phase, &handle, &mut stop_signals).await;
            }
            Ok(())
        }
        ended = &mut core_task => Err(match ended {
            Ok(Err(error)) => ServeError::MediaPlaneEnded(error),
            Ok(Ok(())) | Err(_) => ServeError::CorePanicked,
        }),
    };
    phase.send_replace(Phase::Draining);
    stop_http.send_replace(true);
    stop_core.send_replace(true);
    if outcome.is_ok() {
        core_task.await.map_err(|_| ServeError::CorePanicked)??;
    }
    // A client that holds its connection open does not hold up the end.
    if let Ok(Ok(served)) = tokio::time::timeout(HTTP_END_MAX, http_task).await {
        served.map_err(ServeError::Http)?;
    }
    tracing::info!("stopped");
    outcome
}

fn application(
    config: &Config,
    tokens: TokenKey,
    core: CoreHandle,
    clock: Clock,
    phase: watch::Receiver<Phase>,
    store: watch::Receiver<StoreHealth>,
) -> axum::Router {
    let credentials = config.accounts.iter().map(|user| Credential {
        account: user.account.clone(),
        user: user.user.clone(),
        password: user.password.clone(),
    });
    let accounts = Accounts::new(credentials);
    let control = Arc::new(core.clone());
    let door =
        Door { tokens: tokens.clone(), core, clock, phase: phase.clone(), connections: AtomicU64::new(0) };
    let mut app =
        device_api::router(Arc::new(door)).merge(health::router(phase, store)).merge(assets::router());
    if config.mode == Mode::Dev {
        let (account, _, _) = DEV_ACCOUNT;
        if let Ok(account) = account.parse() {
            app = app.merge(crosspoint_http::demo_router(Arc::clone(&control), account, tokens.clone()));
        }
    }
    app.fallback_service(crosspoint_http::router(control, accounts, tokens))
}

/// 256 random bits, for a store that is new.
fn fresh_secret() -> Result<[u8; 32], ServeError> {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).map_err(|error| ServeError::Random(error.to_string()))?;
    Ok(secret)
}

fn announce(config: &Config, local: SocketAddr, media: &MediaPlane) {
    let advertised: Vec<String> = media.advertised().iter().map(ToString::to_string).collect();
    tracing::info!("REST, WebSocket and pages on http://{local}");
    tracing::info!(
        "media on udp and tcp {}, told to clients as {}",
        media.local_address(),
        advertised.join(", ")
    );
    if config.mode == Mode::Dev {
        let (account, user, password) = DEV_ACCOUNT;
        println!(
            "Open http://{local}/demo in two tabs. Or try the API (development account, never for production):"
        );
        println!("  curl -u {user}:{password} -X POST http://{local}/accounts/{account}/sessions");
    } else if !local.ip().is_loopback() {
        tracing::warn!(
            "http://{local} is not encrypted: put TLS in front of it, browsers need it off localhost"
        );
    }
}

/// Refuses new devices until all are gone, the time is over, or a second signal comes.
async fn drain(config: &Config, phase: &watch::Sender<Phase>, core: &CoreHandle, signals: &mut StopSignals) {
    phase.send_replace(Phase::Draining);
    tracing::info!("draining: no new devices; ends in {:?} at the latest", config.drain);
    let begun = Instant::now();
    let mut looks = tokio::time::interval(Duration::from_millis(100));
    loop {
        tokio::select! {
            _ = signals.next() => return,
            _ = looks.tick() => {}
        }
        let devices = core.device_count().await.unwrap_or(0);
        let least = DRAIN_LEAST.min(config.drain);
        if begun.elapsed() >= config.drain || (devices == 0 && begun.elapsed() >= least) {
            return;
        }
    }
}

/// A signal to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StopSignal {
    /// SIGTERM: drain first.
    Terminate,
    /// SIGINT: end now.
    Interrupt,
}

#[derive(Debug)]
struct StopSignals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl StopSignals {
    fn new() -> std::io::Result<Self> {
        let terminate = signal(SignalKind::terminate())?;
        let interrupt = signal(SignalKind::interrupt())?;
        Ok(Self { terminate, interrupt })
    }

    async fn next(&mut self) -> StopSignal {
        tokio::select! {
            _ = self.terminate.recv() => StopSignal::Terminate,
            _ = self.interrupt.recv() => StopSignal::Interrupt,
        }
    }
}
