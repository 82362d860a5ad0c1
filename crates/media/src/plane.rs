//! A shard on a thread of its own, with its sockets.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use quinn_udp::{RecvMeta, UdpSocketState};
use str0m::Candidate;
use str0m::net::{Protocol, TcpType, Transmit};
use tokio::io::Interest;
use tokio::sync::mpsc;

use crate::counters::Counters;
use crate::tcp::{Incoming, TcpPort};
use crate::{IceKey, Order, Remote, Shard};

/// Orders that may wait. When it is full, whoever orders waits: the shard always takes orders first.
const ORDERS_MAX: usize = 1_024;
/// The socket's buffers, in bytes: 0.2 s of 200 Mbit/s.
const SOCKET_BUFFER: usize = 4 * 1024 * 1024;
/// Room for one receive: GRO hands in up to 64 KiB at a time.
const RECEIVE_BUFFER: usize = 64 * 1024;
/// The most receives between two looks at orders and timers.
const RECEIVES_PER_TURN: usize = 64;
/// How often another port number is tried, when any will do and TCP does not have the one that UDP got.
const PORT_TRIES: usize = 16;
/// TCP connections that may wait to be accepted.
const TCP_BACKLOG: i32 = 128;
/// How long the thread sleeps when nothing at all is going on.
const IDLE: Duration = Duration::from_secs(60);

/// Where media is received, and how clients are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaAddresses {
    /// What the sockets bind to: one for UDP and one for TCP, on the same port number.
    pub listen: SocketAddr,
    /// What stands in candidates. Empty: the address of `listen`, or, when that is a wildcard, the host's own
    /// addresses on its default routes.
    pub advertise: Vec<IpAddr>,
}

/// The media plane can't start.
#[derive(Debug, thiserror::Error)]
pub enum MediaPlaneError {
    /// A socket can't be opened.
    #[error("can't listen for media on {protocol} {listen}")]
    Listen {
        /// UDP or TCP.
        protocol: Protocol,
        /// Where it should listen.
        listen: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The thread can't be started.
    #[error("the media thread can't be started")]
    Thread(#[source] io::Error),
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
    /// Opens the sockets and starts the thread. With the same key as an earlier process, clients of that one find out
    /// at once that their paths are gone.
    pub fn start(addresses: &MediaAddresses, ice_key: IceKey) -> Result<Self, MediaPlaneError> {
        let listen = addresses.listen;
        let (udp, tcp, local) = open_both(listen)?;
        let advertised = advertised(local, &addresses.advertise)?;
        let candidates = candidates(&advertised)?;
        let counters = Arc::new(Counters::default());
        let unix_time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let shard = Shard::new(candidates, ice_key, Arc::clone(&counters), Instant::now(), unix_time);
        let (orders, queue) = mpsc::channel(ORDERS_MAX);
        let driver =
            Driver { shard, queue, advertised: advertised.clone(), counters: Arc::clone(&counters), local };
        let thread = std::thread::Builder::new()
            .name("media".into())
            .spawn(move || driver.run(udp, tcp))
            .map_err(MediaPlaneError::Thread)?;
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

    /// Where the sockets listen, for UDP and TCP alike.
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

/// Both sockets on the same port number, and their address.
fn open_both(listen: SocketAddr) -> Result<(UdpSocket, TcpListener, SocketAddr), MediaPlaneError> {
    let refused = |protocol| move |source| MediaPlaneError::Listen { protocol, listen, source };
    let mut tries = 0;
    loop {
        tries += 1;
        let udp = open_udp(listen).map_err(refused(Protocol::Udp))?;
        let local = udp.local_addr().map_err(refused(Protocol::Udp))?;
        match open_tcp(local) {
            Ok(tcp) => return Ok((udp, tcp, local)),
            Err(error)
                if error.kind() == io::ErrorKind::AddrInUse && listen.port() == 0 && tries < PORT_TRIES => {}
            Err(error) => return Err(refused(Protocol::Tcp)(error)),
        }
    }
}

fn open_tcp(listen: SocketAddr) -> io::Result<TcpListener> {
    use socket2::{Domain, Socket, Type};
    let socket = Socket::new(Domain::for_address(listen), Type::STREAM, Some(socket2::Protocol::TCP))?;
    if listen.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    // Connections of an earlier process may still be closing.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&listen.into())?;
    socket.listen(TCP_BACKLOG)?;
    Ok(socket.into())
}

/// A UDP and a passive TCP candidate for each address (RFC 8445 section 5.1.1, RFC 6544 section 4).
fn candidates(advertised: &[SocketAddr]) -> Result<Vec<Candidate>, MediaPlaneError> {
    let udp = advertised.iter().map(|address| (address, Candidate::builder().udp().host(*address).build()));
    let tcp = advertised.iter().map(|address| {
        let candidate = Candidate::builder().tcp().host(*address).tcptype(TcpType::Passive).build();
        (address, candidate)
    });
    udp.chain(tcp)
        .map(|(address, built)| built.map_err(|_| MediaPlaneError::NotAdvertisable(address.ip())))
        .collect()
}

fn open_udp(listen: SocketAddr) -> io::Result<UdpSocket> {
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
    fn run(mut self, udp: UdpSocket, tcp: TcpListener) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let result = runtime.and_then(|runtime| runtime.block_on(self.turn_until_closed(udp, tcp)));
        if let Err(error) = result {
            tracing::error!(%error, "the media thread ended");
        }
    }

    async fn turn_until_closed(&mut self, udp: UdpSocket, tcp: TcpListener) -> io::Result<()> {
        let state = UdpSocketState::new((&udp).into())?;
        let socket = tokio::net::UdpSocket::from_std(udp)?;
        let mut tcp = TcpPort::new(tcp)?;
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
                incoming = tcp.receive() => self.receive_tcp(incoming, &mut tcp),
                () = tokio::time::sleep_until(sleep_until.into()) => {}
            }
            self.shard.handle_timeout(Instant::now());
            self.send(&socket, &state, &tcp);
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
            let source = Remote { protocol: Protocol::Udp, address: unmapped(meta.addr) };
            let destination = self.destination(source.address, meta.dst_ip);
            let batch = buffer.get(..meta.len).unwrap_or_default();
            for datagram in batch.chunks(meta.stride.max(1)) {
                self.shard.handle_datagram(source, destination, datagram, now);
            }
        }
    }

    fn receive_tcp(&mut self, first: Incoming, tcp: &mut TcpPort) {
        let mut next = Some(first);
        let mut received = 0;
        while let Some(incoming) = next {
            match incoming {
                Incoming::Packet { source, destination, packet } => {
                    let remote = Remote { protocol: Protocol::Tcp, address: unmapped(source) };
                    let destination = self.destination(remote.address, Some(unmapped(destination).ip()));
                    self.shard.handle_datagram(remote, destination, &packet, Instant::now());
                    if tcp.is_unproven(source) && self.shard.is_bound(remote) {
                        tcp.prove(source);
                    }
                }
                Incoming::Closed { source } => {
                    self.shard.unbind(Remote { protocol: Protocol::Tcp, address: unmapped(source) });
                }
            }
            received += 1;
            next = if received < RECEIVES_PER_TURN { tcp.try_receive() } else { None };
        }
    }

    /// The candidate that something came in on. Behind a NAT the system does not know the advertised address: then
    /// the first of the same family stands for it.
    fn destination(&self, source: SocketAddr, received_on: Option<IpAddr>) -> SocketAddr {
        let exact = self.advertised.iter().find(|candidate| Some(candidate.ip()) == received_on);
        let same_family = || self.advertised.iter().find(|candidate| candidate.is_ipv6() == source.is_ipv6());
        exact.or_else(same_family).copied().unwrap_or(self.local)
    }

    fn send(&mut self, socket: &tokio::net::UdpSocket, state: &UdpSocketState, tcp: &TcpPort) {
        let mut next = self.shard.poll_transmit();
        let mut batch = Vec::new();
        while let Some(first) = next.take() {
            if first.proto == Protocol::Tcp {
                if !tcp.send(self.mapped(first.destination), &first.contents) {
                    self.counters.packets_not_sent_over_tcp.add(1);
                }
                next = self.shard.poll_transmit();
                continue;
            }
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
            let fits = next.proto == first.proto
                && next.destination == first.destination
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
