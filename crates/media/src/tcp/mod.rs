//! Media over TCP, for clients that UDP does not reach: the far side of passive candidates (RFC 6544).
//!
//! A task for each connection cuts its bytes into packets and hands them to the shard's thread; packets to send go the
//! other way through a queue. Neither waits for the other: a full queue drops whole packets, as a full link would.
//! A connection that does not prove itself by an authenticated STUN request is closed, and gets nothing before.

mod frames;

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout};

use frames::{Deframer, frame};

/// The most connections.
const CONNECTIONS_MAX: usize = 4_096;
/// The most connections of one IP address: many people may share one.
const CONNECTIONS_PER_IP_MAX: usize = 512;
/// How long a connection may take to prove itself.
const PROOF_TIME_MAX: Duration = Duration::from_secs(10);
/// A proven connection on which nothing comes for so long is dead: clients check theirs every few seconds.
const SILENCE_MAX: Duration = Duration::from_secs(60);
/// How long writing may stand still.
const WRITE_TIME_MAX: Duration = Duration::from_secs(10);
/// Packets that may wait to be written: about a second of video.
const OUTGOING_MAX: usize = 256;
/// Packets of all connections that may wait for the shard. While it is full, connections are not read further.
const INCOMING_MAX: usize = 512;
/// How much is read, and about how much is written, at once.
const CHUNK: usize = 16 * 1024;
/// How long to pause after the system could not accept a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// All connections of a listener.
#[derive(Debug)]
pub(crate) struct TcpPort {
    listener: TcpListener,
    connections: HashMap<SocketAddr, Connection>,
    per_ip: HashMap<IpAddr, usize>,
    incoming: mpsc::Receiver<Incoming>,
    /// For the tasks of new connections.
    incoming_sender: mpsc::Sender<Incoming>,
    accept_again_at: Option<Instant>,
}

#[derive(Debug)]
struct Connection {
    outgoing: mpsc::Sender<Vec<u8>>,
    /// Told once the connection has proved itself.
    proof: Option<oneshot::Sender<()>>,
}

/// What comes from connections.
#[derive(Debug)]
pub(crate) enum Incoming {
    /// A packet came in on the connection from this address, to this one.
    Packet { source: SocketAddr, destination: SocketAddr, packet: Vec<u8> },
    /// The connection is over.
    Closed { source: SocketAddr },
}

impl TcpPort {
    /// Serves a listener that does not block.
    pub(crate) fn new(listener: std::net::TcpListener) -> io::Result<Self> {
        let (incoming_sender, incoming) = mpsc::channel(INCOMING_MAX);
        Ok(Self {
            listener: TcpListener::from_std(listener)?,
            connections: HashMap::new(),
            per_ip: HashMap::new(),
            incoming,
            incoming_sender,
            accept_again_at: None,
        })
    }

    /// The next thing that comes from a connection. Takes in new ones meanwhile.
    pub(crate) async fn receive(&mut self) -> Incoming {
        loop {
            let pause = self.accept_again_at;
            tokio::select! {
                Some(incoming) = self.incoming.recv() => {
                    if let Incoming::Closed { source } = &incoming {
                        self.remove(*source);
                    }
                    return incoming;
                }
                accepted = self.listener.accept(), if pause.is_none() => match accepted {
                    Ok((stream, source)) => self.take_in(stream, source),
                    // No descriptors, or a connection that was gone before: others may do better in a moment.
                    Err(_) => self.accept_again_at = Some(Instant::now() + ACCEPT_PAUSE),
                },
                () = sleep_until(pause.unwrap_or_else(Instant::now)), if pause.is_some() => {
                    self.accept_again_at = None;
                }
            }
        }
    }

    /// Something that came already, without waiting.
    pub(crate) fn try_receive(&mut self) -> Option<Incoming> {
        let incoming = self.incoming.try_recv().ok()?;
        if let Incoming::Closed { source } = &incoming {
            self.remove(*source);
        }
        Some(incoming)
    }

    fn take_in(&mut self, stream: TcpStream, source: SocketAddr) {
        let ip = source.ip();
        let of_ip = self.per_ip.get(&ip).copied().unwrap_or(0);
        if self.connections.len() >= CONNECTIONS_MAX || of_ip >= CONNECTIONS_PER_IP_MAX {
            return;
        }
        // Packets are small and must not wait for each other; without this they come, too, but later.
        let _ = stream.set_nodelay(true);
        let Ok(destination) = stream.local_addr() else {
            return;
        };
        self.per_ip.insert(ip, of_ip + 1);
        let (outgoing, queue) = mpsc::channel(OUTGOING_MAX);
        let (proof, proved) = oneshot::channel();
        self.connections.insert(source, Connection { outgoing, proof: Some(proof) });
        let incoming = self.incoming_sender.clone();
        tokio::spawn(async move {
            let carried = carry(stream, source, destination, queue, proved, &incoming).await;
            tracing::trace!(?carried, "a media connection over TCP ended");
            // When nobody listens any more, the media plane has ended.
            let _ = incoming.send(Incoming::Closed { source }).await;
        });
    }

    fn remove(&mut self, source: SocketAddr) {
        if self.connections.remove(&source).is_none() {
            return;
        }
        if let Some(count) = self.per_ip.get_mut(&source.ip()) {
            *count -= 1;
            if *count == 0 {
                self.per_ip.remove(&source.ip());
            }
        }
    }

    /// Whether this connection still has to prove itself.
    pub(crate) fn is_unproven(&self, source: SocketAddr) -> bool {
        self.connections.get(&source).is_some_and(|connection| connection.proof.is_some())
    }

    /// The connection has proved itself and may stay.
    pub(crate) fn prove(&mut self, source: SocketAddr) {
        let proof = self.connections.get_mut(&source).and_then(|connection| connection.proof.take());
        if let Some(proof) = proof {
            // The connection may be over by now.
            let _ = proof.send(());
        }
    }

    /// Sends a packet. `false` when it is dropped: the connection is gone, or does not keep up.
    pub(crate) fn send(&self, destination: SocketAddr, packet: &[u8]) -> bool {
        let connection = self.connections.get(&destination);
        connection.is_some_and(|connection| connection.outgoing.try_send(packet.to_vec()).is_ok())
    }
}

/// Why a connection ended.
#[derive(Debug)]
enum Ended {
    FarSide,
    NotProven,
    Silent,
    PacketTooLong,
    NotReading,
    MediaPlane,
}

async fn carry(
    stream: TcpStream,
    source: SocketAddr,
    destination: SocketAddr,
    mut outgoing: mpsc::Receiver<Vec<u8>>,
    proved: oneshot::Receiver<()>,
    incoming: &mpsc::Sender<Incoming>,
) -> Ended {
    let (mut reader, mut writer) = stream.into_split();
    let reading = async {
        let mut deframer = Deframer::default();
        let mut chunk = vec![0; CHUNK];
        loop {
            let read = match timeout(SILENCE_MAX, reader.read(&mut chunk)).await {
                Ok(Ok(0) | Err(_)) => return Ended::FarSide,
                Ok(Ok(read)) => read,
                Err(_) => return Ended::Silent,
            };
            deframer.push(chunk.get(..read).unwrap_or_default());
            loop {
                let packet = match deframer.next_packet() {
                    Ok(Some(packet)) => packet.to_vec(),
                    Ok(None) => break,
                    Err(frames::TooLong) => return Ended::PacketTooLong,
                };
                if incoming.send(Incoming::Packet { source, destination, packet }).await.is_err() {
                    return Ended::MediaPlane;
                }
            }
        }
    };
    let writing = async {
        let mut chunk = Vec::with_capacity(CHUNK);
        while let Some(packet) = outgoing.recv().await {
            chunk.clear();
            frame(&packet, &mut chunk);
            while chunk.len() < CHUNK
                && let Ok(packet) = outgoing.try_recv()
            {
                frame(&packet, &mut chunk);
            }
            match timeout(WRITE_TIME_MAX, writer.write_all(&chunk)).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Ended::FarSide,
                Err(_) => return Ended::NotReading,
            }
        }
        Ended::MediaPlane
    };
    let proving = async {
        match timeout(PROOF_TIME_MAX, proved).await {
            Ok(Ok(())) => std::future::pending().await,
            Ok(Err(_)) => Ended::MediaPlane,
            Err(_) => Ended::NotProven,
        }
    };
    tokio::select! {
        ended = reading => ended,
        ended = writing => ended,
        ended = proving => ended,
    }
}
