//! A shard on a thread of its own, with its socket.

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use quinn_udp::{RecvMeta, UdpSocketState};
use str0m::Candidate;
use str0m::net::Transmit;
use tokio::io::Interest;
use tokio::sync::mpsc;

use crate::counters::Counters;
use crate::{Order, Shard};

/// Orders that may wait. When it is full, whoever orders waits: the shard always takes orders first.
const ORDERS_MAX: usize = 1_024;
/// The socket's buffers, in bytes: 0.2 s of 200 Mbit/s.
const SOCKET_BUFFER: usize = 4 * 1024 * 1024;
/// Room for one receive: GRO hands in up to 64 KiB at a time.
const RECEIVE_BUFFER: usize = 64 * 1024;
/// The most receives between two looks at orders and timers.
const RECEIVES_PER_TURN: usize = 64;
/// How long the thread sleeps when nothing at all is going on.
const IDLE: Duration = Duration::from_secs(60);

/// Where media is received, and how clients are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaAddresses {
    /// What the socket binds to.
    pub listen: SocketAddr,
    /// What stands in candidates. Empty: the address of `listen`, or, when that is a wildcard, the host's own
    /// addresses on its default routes.
    pub advertise: Vec<IpAddr>,
}

/// The media plane can't start.
#[derive(Debug, thiserror::Error)]
pub enum MediaPlaneError {
    /// The socket can't be opened.
    #[error("can't listen for media on {listen}")]
    Listen {
        /// Where it should listen.
        listen: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// No address can be told to clients.
    #[error("no address to advertise for media: the host has no default route; name one with --advertise")]
    NothingToAdvertise,
    /// An address that no client could use.
    #[error("{0} can't be advertised for media: it is not a unicast address")]
    NotAdvertisable(IpAddr),
}

/// A running media plane. It ends when this is dropped.
#[derive(Debug)]
pub struct MediaPlane {
    orders: mpsc::Sender<Order>,
    counters: Arc<Counters>,
    local: SocketAddr,
    advertised: Vec<SocketAddr>,
    thread: Option<JoinHandle<()>>,
}

impl MediaPlane {
    /// Opens the socket and starts the thread.
    pub fn start(addresses: &MediaAddresses) -> Result<Self, MediaPlaneError> {
        let listen = addresses.listen;
        let socket = open(listen).map_err(|source| MediaPlaneError::Listen { listen, source })?;
        let local = socket.local_addr().map_err(|source| MediaPlaneError::Listen { listen, source })?;
        let advertised = advertised(local, &addresses.advertise)?;
        let candidates = advertised
            .iter()
            .map(|address| {
                Candidate::host(*address, "udp").map_err(|_| MediaPlaneError::NotAdvertisable(address.ip()))
            })
            .collect::<Result<Vec<_>, _>>()?;
        let counters = Arc::new(Counters::default());
        let unix_time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let shard = Shard::new(candidates, Arc::clone(&counters), Instant::now(), unix_time);
        let (orders, queue) = mpsc::channel(ORDERS_MAX);
        let driver =
            Driver { shard, queue, advertised: advertised.clone(), counters: Arc::clone(&counters), local };
        let thread = std::thread::Builder::new()
            .name("media".into())
            .spawn(move || driver.run(socket))
            .map_err(|source| MediaPlaneError::Listen { listen, source })?;
        Ok(Self { orders, counters, local, advertised, thread: Some(thread) })
    }

    /// Where orders go. They are carried out in this order.
    pub fn orders(&self) -> mpsc::Sender<Order> {
        self.orders.clone()
    }

    /// What was counted so far.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Where the socket listens.
    pub fn local_address(&self) -> SocketAddr {
        self.local
    }

    /// What clients are told.
    pub fn advertised(&self) -> &[SocketAddr] {
        &self.advertised
    }

    /// Waits for the thread to end, once every sender of orders is dropped.
    pub fn join(mut self) {
        let thread = self.thread.take();
        drop(self);
        if let Some(thread) = thread {
            // A panic on the thread has printed itself already.
            let _ = thread.join();
        }
    }
}

fn open(listen: SocketAddr) -> io::Result<UdpSocket> {
    use socket2::{Domain, Protocol, Socket, Type};
    let socket = Socket::new(Domain::for_address(listen), Type::DGRAM, Some(Protocol::UDP))?;
    if listen.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    // The system may grant less; media works with that too.
    let _ = socket.set_recv_buffer_size(SOCKET_BUFFER);
    let _ = socket.set_send_buffer_size(SOCKET_BUFFER);
    socket.set_nonblocking(true)?;
    socket.bind(&listen.into())?;
    Ok(socket.into())
}

fn advertised(local: SocketAddr, wanted: &[IpAddr]) -> Result<Vec<SocketAddr>, MediaPlaneError> {
    let ips = match wanted {
        [] if local.ip().is_unspecified() => default_route_addresses(local.is_ipv6()),
        [] => vec![local.ip()],
        wanted => wanted.to_vec(),
    };
    if ips.is_empty() {
        return Err(MediaPlaneError::NothingToAdvertise);
    }
    Ok(ips.into_iter().map(|ip| SocketAddr::new(ip, local.port())).collect())
}

/// The addresses from which this host reaches the world. Nothing is sent: connecting a UDP socket only looks up the
/// route (documentation addresses, RFC 5737 and RFC 3849).
fn default_route_addresses(with_ipv6: bool) -> Vec<IpAddr> {
    let probes = [("0.0.0.0:0", "192.0.2.1:9"), ("[::]:0", "[2001:db8::1]:9")];
    probes
        .into_iter()
        .take(if with_ipv6 { 2 } else { 1 })
        .filter_map(|(from, to)| {
            let socket = UdpSocket::bind(from).ok()?;
            socket.connect(to).ok()?;
            Some(socket.local_addr().ok()?.ip())
        })
        .filter(|ip| !ip.is_unspecified())
        .collect()
}

/// The loop around a shard.
struct Driver {
    shard: Shard,
    queue: mpsc::Receiver<Order>,
    advertised: Vec<SocketAddr>,
    counters: Arc<Counters>,
    local: SocketAddr,
}

impl Driver {
    fn run(mut self, socket: UdpSocket) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let result = runtime.and_then(|runtime| runtime.block_on(self.turn_until_closed(socket)));
        if let Err(error) = result {
            tracing::error!(%error, "the media thread ended");
        }
    }

    async fn turn_until_closed(&mut self, socket: UdpSocket) -> io::Result<()> {
        let state = UdpSocketState::new((&socket).into())?;
        let socket = tokio::net::UdpSocket::from_std(socket)?;
        let mut buffer = vec![0; RECEIVE_BUFFER];
        loop {
            let sleep_until = self.shard.poll_timeout().unwrap_or_else(|| Instant::now() + IDLE);
            tokio::select! {
                biased;
                order = self.queue.recv() => match order {
                    Some(order) => self.take_orders(order),
                    None => return Ok(()),
                },
                ready = socket.readable() => {
                    ready?;
                    self.receive(&socket, &state, &mut buffer);
                }
                () = tokio::time::sleep_until(sleep_until.into()) => {}
            }
            self.shard.handle_timeout(Instant::now());
            self.send(&socket, &state);
        }
    }

    fn take_orders(&mut self, first: Order) {
        let now = Instant::now();
        self.shard.handle_order(first, now);
        while let Ok(order) = self.queue.try_recv() {
            self.shard.handle_order(order, now);
        }
    }

    fn receive(&mut self, socket: &tokio::net::UdpSocket, state: &UdpSocketState, buffer: &mut [u8]) {
        for _ in 0..RECEIVES_PER_TURN {
            let mut meta = [RecvMeta::default()];
            let received = socket.try_io(Interest::READABLE, || {
                let mut slices = [io::IoSliceMut::new(buffer)];
                state.recv(socket.into(), &mut slices, &mut meta)
            });
            match received {
                Ok(0) => return,
                Ok(_) => {}
                // Nothing more to read; other errors speak of single datagrams that could not be delivered.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => continue,
            }
            let [meta] = meta;
            let now = Instant::now();
            let destination = self.destination(&meta);
            let batch = buffer.get(..meta.len).unwrap_or_default();
            for datagram in batch.chunks(meta.stride.max(1)) {
                self.shard.handle_datagram(unmapped(meta.addr), destination, datagram, now);
            }
        }
    }

    /// The candidate that a datagram came in on. Behind a NAT the system does not know the advertised address: then
    /// the first of the same family stands for it.
    fn destination(&self, meta: &RecvMeta) -> SocketAddr {
        let is_ipv6 = unmapped(meta.addr).is_ipv6();
        let exact = self.advertised.iter().find(|candidate| Some(candidate.ip()) == meta.dst_ip);
        let same_family = || self.advertised.iter().find(|candidate| candidate.is_ipv6() == is_ipv6);
        exact.or_else(same_family).copied().unwrap_or(self.local)
    }

    fn send(&mut self, socket: &tokio::net::UdpSocket, state: &UdpSocketState) {
        let mut next = self.shard.poll_transmit();
        let mut batch = Vec::new();
        while let Some(first) = next.take() {
            next = self.gather(&first, &mut batch, state.max_gso_segments());
            let segment = first.contents.len();
            let transmit = quinn_udp::Transmit {
                destination: self.mapped(first.destination),
                ecn: None,
                contents: &batch,
                segment_size: Some(segment),
                src_ip: None,
            };
            let count = batch.len().div_ceil(segment.max(1)) as u64;
            match socket.try_io(Interest::WRITABLE, || state.try_send(socket.into(), &transmit)) {
                Ok(()) => self.counters.datagrams_sent.add(count),
                // A full socket buffer drops packets as a full link would: the receivers ask again.
                Err(_) => self.counters.datagrams_not_sent.add(count),
            }
        }
    }

    /// Puts transmits to one destination into one send, as far as their sizes allow: all alike, the last may be
    /// shorter. Returns the first one that does not fit.
    fn gather(&mut self, first: &Transmit, batch: &mut Vec<u8>, segments_max: usize) -> Option<Transmit> {
        batch.clear();
        batch.extend_from_slice(&first.contents);
        let segment = first.contents.len();
        let mut segments = 1;
        loop {
            let next = self.shard.poll_transmit()?;
            let fits = next.destination == first.destination
                && next.contents.len() <= segment
                && batch.len().is_multiple_of(segment.max(1))
                && segments < segments_max
                && batch.len() + next.contents.len() <= usize::from(u16::MAX) - 64;
            if !fits {
                return Some(next);
            }
            batch.extend_from_slice(&next.contents);
            segments += 1;
        }
    }

    /// IPv4 destinations as a dual-stack socket wants them.
    fn mapped(&self, destination: SocketAddr) -> SocketAddr {
        match (self.local, destination) {
            (SocketAddr::V6(_), SocketAddr::V4(v4)) => {
                SocketAddr::new(v4.ip().to_ipv6_mapped().into(), v4.port())
            }
            _ => destination,
        }
    }
}

/// The IPv4 address behind one that a dual-stack socket reports as IPv6.
fn unmapped(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}
