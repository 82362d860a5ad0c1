//! Media over TCP on real sockets.

#![expect(clippy::unwrap_used, reason = "helpers of a test may fail it")]

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crosspoint_media::{IceKey, MediaAddresses, MediaPlane, Order, PublishAnswer};
use str0m::change::{SdpAnswer, SdpPendingOffer};
use str0m::net::{Protocol, Receive, TcpType};
use str0m::{Candidate, Event, IceConnectionState, Input, Output, Rtc};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

const DEADLINE: Duration = Duration::from_secs(20);

fn started() -> (MediaPlane, SocketAddr) {
    let addresses = MediaAddresses { listen: "127.0.0.1:0".parse().unwrap(), advertise: Vec::new() };
    let plane = MediaPlane::start(&addresses, IceKey::new(&[7; 32])).unwrap();
    let address = plane.local_address();
    (plane, address)
}

fn connected(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(10))).unwrap();
    stream
}

/// A device that offers its data channels.
struct Client {
    rtc: Rtc,
    pending: SdpPendingOffer,
    offer: String,
}

impl Client {
    fn new(local: SocketAddr) -> Self {
        let mut rtc = Rtc::builder().build(Instant::now());
        let candidate = Candidate::builder().tcp().host(local).tcptype(TcpType::Active).build().unwrap();
        rtc.add_local_candidate(candidate);
        let mut api = rtc.sdp_api();
        api.add_channel("__heartbeat__".into());
        let (offer, pending) = api.apply().unwrap();
        Self { rtc, pending, offer: offer.to_sdp_string() }
    }
}

fn answered(plane: &MediaPlane, sdp: String) -> PublishAnswer {
    let orders = plane.orders();
    let device = format!("{}", Uuid::from_u128(1)).parse().unwrap();
    let participant = format!("{}", Uuid::from_u128(2)).parse().unwrap();
    let (events, queue) = mpsc::channel(64);
    // Nobody reads them, and they are few.
    std::mem::forget(queue);
    let open = Order::OpenDevice { device, participant, allowed: Vec::new(), lines: Vec::new(), events };
    orders.blocking_send(open).unwrap();
    let (reply, answer) = oneshot::channel();
    orders.blocking_send(Order::PublishOffer { device, sdp, streams: Vec::new(), reply }).unwrap();
    answer.blocking_recv().unwrap().unwrap()
}

#[test]
fn a_client_that_knows_the_password_gets_through_and_stays() {
    let (plane, address) = started();
    let mut stream = connected(address);
    let local = stream.local_addr().unwrap();
    let Client { mut rtc, pending, offer } = Client::new(local);
    let answer = answered(&plane, offer);
    assert!(answer.sdp.contains(" tcp ") && answer.sdp.contains("tcptype passive"), "{}", answer.sdp);
    rtc.sdp_api().accept_answer(pending, SdpAnswer::from_sdp_string(&answer.sdp).unwrap()).unwrap();

    let begun = Instant::now();
    let mut bytes = Vec::new();
    let mut connected_at = None;
    // Longer than a connection may take to prove itself is waited by the next test; here DTLS must come through.
    while connected_at.is_none() {
        assert!(begun.elapsed() < DEADLINE, "no connection over TCP");
        loop {
            match rtc.poll_output().unwrap() {
                Output::Timeout(_) => break,
                Output::Transmit(transmit) => {
                    assert_eq!((transmit.proto, transmit.destination), (Protocol::Tcp, address));
                    let len = u16::try_from(transmit.contents.len()).unwrap();
                    stream.write_all(&[&len.to_be_bytes()[..], &transmit.contents].concat()).unwrap();
                }
                Output::Event(Event::Connected) => connected_at = Some(Instant::now()),
                Output::Event(Event::IceConnectionStateChange(state)) => {
                    assert_ne!(state, IceConnectionState::Disconnected);
                }
                Output::Event(_) => {}
            }
        }
        let mut chunk = [0; 4_096];
        match stream.read(&mut chunk) {
            Ok(0) => panic!("the server closed the connection"),
            Ok(read) => bytes.extend_from_slice(&chunk[..read]),
            Err(error) => {
                assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{error}")
            }
        }
        while let Some((head, rest)) = bytes.split_first_chunk::<2>() {
            let len = usize::from(u16::from_be_bytes(*head));
            let Some(packet) = rest.get(..len) else { break };
            let receive = Receive::new(Protocol::Tcp, address, local, packet).unwrap();
            rtc.handle_input(Input::Receive(Instant::now(), receive)).unwrap();
            bytes.drain(..2 + len);
        }
        rtc.handle_input(Input::Timeout(Instant::now())).unwrap();
    }
}

/// Reads until the other side closes. What it sent before, and after how long it closed.
fn until_closed(stream: &mut TcpStream) -> (Vec<u8>, Duration) {
    let begun = Instant::now();
    let mut got = Vec::new();
    let mut chunk = [0; 1_024];
    loop {
        assert!(begun.elapsed() < DEADLINE, "the server keeps the connection");
        match stream.read(&mut chunk) {
            Ok(0) => return (got, begun.elapsed()),
            Ok(read) => got.extend_from_slice(&chunk[..read]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(_) => return (got, begun.elapsed()),
        }
    }
}

#[test]
fn a_stranger_gets_nothing_and_is_shown_out() {
    let (_plane, address) = started();
    let silent = std::thread::spawn(move || until_closed(&mut connected(address)));
    let half = std::thread::spawn(move || {
        let mut stream = connected(address);
        stream.write_all(&[1, 0, 0, 1]).unwrap();
        until_closed(&mut stream)
    });
    // A STUN binding request that names nobody here, in its frame.
    let mut stun = vec![0, 20, 0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
    stun.extend([7; 12]);
    let mut asking = connected(address);
    asking.write_all(&stun).unwrap();
    let mut too_long = connected(address);
    too_long.write_all(&[255, 255]).unwrap();
    let (got, after) = until_closed(&mut too_long);
    assert!(got.is_empty() && after < Duration::from_secs(5), "at once: {after:?}");
    for (got, _) in [until_closed(&mut asking), silent.join().unwrap(), half.join().unwrap()] {
        assert!(got.is_empty());
    }
}
