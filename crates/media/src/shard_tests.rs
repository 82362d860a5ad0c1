//! Scenarios on virtual time: devices are played by the library's own clients, the network is a queue.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;

use str0m::change::{SdpAnswer, SdpOffer, SdpPendingOffer};
use str0m::media::{Direction, MediaKind as LibraryKind};
use str0m::net::Protocol;
use str0m::rtp::RtpWrite;
use str0m::{Event, Input, Output, Rtc};
use tokio::sync::oneshot;

use super::*;
use crate::Crosspoint;
use crate::order::Offer;

const SERVER: &str = "127.0.0.1:8081";
/// How far virtual time goes on in one step.
const STEP: Duration = Duration::from_millis(5);

/// A device as the browser package plays it: one connection to publish, one to receive.
struct Client {
    device: DeviceId,
    events: mpsc::Receiver<DeviceEvent>,
    publish: Far,
    subscribe: Far,
    pending: Option<SdpPendingOffer>,
    sending: Vec<(str0m::media::Mid, LibraryKind)>,
    /// Whether offers are answered.
    answers: bool,
    /// The last offer that was answered.
    offer: Option<Offer>,
    offers_seen: usize,
    key_frames_asked: usize,
}

/// One connection of a client.
struct Far {
    rtc: Rtc,
    address: SocketAddr,
    /// Payload bytes that came in, by their first byte, which tells the publisher.
    received: BTreeMap<u8, usize>,
    sequence: u64,
    outbox: VecDeque<Transmit>,
}

struct World {
    shard: Shard,
    now: Instant,
    clients: Vec<Client>,
    /// Nothing passes while it is cut.
    cut: Option<usize>,
    /// What the next clients speak.
    protocol: Protocol,
}

fn device_id(number: usize) -> DeviceId {
    format!("00000000-0000-4000-8000-{number:012x}").parse().unwrap()
}

impl Far {
    fn new(now: Instant, port: u16, protocol: Protocol) -> Self {
        let mut rtc = Rtc::builder().set_rtp_mode(true).build(now);
        let address: SocketAddr = ([127, 0, 0, 1], port).into();
        rtc.add_local_candidate(Candidate::host(address, protocol).unwrap());
        Self { rtc, address, received: BTreeMap::new(), sequence: 0, outbox: VecDeque::new() }
    }

    fn poll(&mut self, key_frames_asked: &mut usize) -> VecDeque<Transmit> {
        let mut out = VecDeque::new();
        loop {
            match self.rtc.poll_output().unwrap() {
                Output::Timeout(_) => return out,
                Output::Transmit(transmit) => out.push_back(transmit),
                Output::Event(Event::RtpPacket(packet)) => {
                    if let Some(last) = packet.payload.last() {
                        *self.received.entry(*last).or_default() += 1;
                    }
                }
                Output::Event(Event::KeyframeRequest(_)) => *key_frames_asked += 1,
                Output::Event(_) => {}
            }
        }
    }
}

impl World {
    fn new() -> Self {
        let now = Instant::now();
        let candidates =
            [Protocol::Udp, Protocol::Tcp].map(|p| Candidate::host(SERVER.parse().unwrap(), p).unwrap());
        let unix_time = Duration::from_secs(1_800_000_000);
        let shard = Shard::new(
            candidates.to_vec(),
            IceKey::new(&[7; 32]),
            Arc::new(Counters::default()),
            now,
            unix_time,
        );
        Self { shard, now, clients: Vec::new(), cut: None, protocol: Protocol::Udp }
    }

    fn order(&mut self, order: Order) {
        self.shard.handle_order(order, self.now);
        self.shard.flush(self.now);
    }

    /// A device that may publish these kinds.
    fn join(&mut self, allowed: &[MediaKind]) -> usize {
        self.join_again(allowed, &[])
    }

    /// A device whose client has these m-lines from an earlier process.
    fn join_again(&mut self, allowed: &[MediaKind], lines: &[MediaKind]) -> usize {
        let number = self.clients.len();
        let (device, participant) = (device_id(number), format!("00000000-0000-4000-9000-{number:012x}"));
        let (events, queue) = mpsc::channel(64);
        let participant = participant.parse().unwrap();
        self.order(Order::OpenDevice {
            device,
            participant,
            allowed: allowed.to_vec(),
            lines: lines.to_vec(),
            events,
        });
        self.order(Order::SignallingChanged { device, signalling: Path::Up });
        let port = 20_000 + 2 * number as u16;
        self.clients.push(Client {
            device,
            events: queue,
            publish: Far::new(self.now, port, self.protocol),
            subscribe: Far::new(self.now, port + 1, self.protocol),
            pending: None,
            sending: Vec::new(),
            answers: true,
            offer: None,
            offers_seen: 0,
            key_frames_asked: 0,
        });
        number
    }

    /// Publishes one stream of these kinds under an msid; returns what the server made of all streams named.
    fn publish(&mut self, number: usize, msid: &str, kinds: &[LibraryKind], all: &[&str]) -> PublishAnswer {
        let client = &mut self.clients[number];
        let mut api = client.publish.rtc.sdp_api();
        for kind in kinds {
            let track = format!("{msid}-{kind:?}");
            let mid = api.add_media(*kind, Direction::SendOnly, Some(msid.into()), Some(track), None);
            client.sending.push((mid, *kind));
        }
        let (offer, pending) = api.apply().unwrap();
        client.pending = Some(pending);
        let streams = all
            .iter()
            .map(|msid| StreamRequest { msid: (*msid).into(), alias: Some((*msid).into()) })
            .collect();
        let answer = self.offer(number, offer.to_sdp_string(), streams).unwrap();
        let client = &mut self.clients[number];
        let sdp = SdpAnswer::from_sdp_string(&answer.sdp).unwrap();
        client.publish.rtc.sdp_api().accept_answer(client.pending.take().unwrap(), sdp).unwrap();
        answer
    }

    /// Stops these m-lines and names one stream that stays.
    fn offer_inactive(
        &mut self,
        number: usize,
        mids: &[(str0m::media::Mid, LibraryKind)],
        stays: &str,
    ) -> PublishAnswer {
        let mut api = self.clients[number].publish.rtc.sdp_api();
        for (mid, _) in mids {
            api.set_direction(*mid, Direction::Inactive);
        }
        let (offer, _) = api.apply().unwrap();
        let streams = vec![StreamRequest { msid: stays.into(), alias: None }];
        self.offer(number, offer.to_sdp_string(), streams).unwrap()
    }

    fn offer(
        &mut self,
        number: usize,
        sdp: String,
        streams: Vec<StreamRequest>,
    ) -> Result<PublishAnswer, SdpRefusal> {
        let (reply, mut answer) = oneshot::channel();
        let device = self.clients[number].device;
        self.order(Order::PublishOffer { device, sdp, streams, reply });
        answer.try_recv().unwrap()
    }

    fn route(&mut self, stop: &[(StreamId, usize)], start: &[(StreamId, usize)]) {
        let [stop, start] = [stop, start].map(|list| {
            let point = |(stream, number): &(StreamId, usize)| Crosspoint {
                stream: *stream,
                subscriber: self.clients[*number].device,
            };
            list.iter().map(point).collect()
        });
        self.order(Order::Route { stop, start });
    }

    /// Lets time pass; every sender sends a packet every 20 ms.
    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.now += STEP;
            let tick = self.now.duration_since(end - time).as_millis().is_multiple_of(20);
            for number in 0..self.clients.len() {
                if tick {
                    self.send_media(number);
                }
                self.answer_offers(number);
                self.exchange(number);
            }
            self.shard.handle_timeout(self.now);
            self.deliver_from_server();
        }
    }

    fn send_media(&mut self, number: usize) {
        let client = &mut self.clients[number];
        if !client.publish.rtc.is_connected() {
            return;
        }
        client.publish.sequence += 1;
        let sequence = client.publish.sequence;
        for (mid, kind) in client.sending.clone() {
            let mut api = client.publish.rtc.direct_api();
            let Some(stream) = api.stream_tx_by_mid(mid, None) else {
                continue;
            };
            // A VP8 packet of one byte descriptor whose frame tag says key frame, or one of Opus; last: who sends it.
            let (payload_type, clock, body) = match kind {
                LibraryKind::Audio => (111, 960, vec![0xf8, 0xff, number as u8]),
                LibraryKind::Video => {
                    (96, 1_800, vec![0x10, 0x00, 0x9d, 0x01, 0x2a, 0, 0, 0, 0, number as u8])
                }
            };
            let time = (sequence * clock) as u32;
            stream.write_rtp(
                RtpWrite::new(payload_type.into(), sequence.into(), time, self.now, body).marker(true),
            );
        }
    }

    fn answer_offers(&mut self, number: usize) {
        while let Ok(event) = self.clients[number].events.try_recv() {
            let DeviceEvent::OfferReady(offer) = event else {
                continue;
            };
            let client = &mut self.clients[number];
            client.offers_seen += 1;
            if !client.answers {
                continue;
            }
            let sdp = SdpOffer::from_sdp_string(&offer.sdp).unwrap();
            let answer = client.subscribe.rtc.sdp_api().accept_offer(sdp).unwrap();
            client.offer = Some(offer);
            let (reply, mut verdict) = oneshot::channel();
            let device = client.device;
            self.order(Order::SubscribeAnswer { device, sdp: answer.to_sdp_string(), reply });
            assert_eq!(verdict.try_recv().unwrap(), Ok(()));
        }
    }

    /// Drives a client's connections and hands what they send to the server.
    fn exchange(&mut self, number: usize) {
        let cut = self.cut == Some(number);
        let client = &mut self.clients[number];
        let mut sent = Vec::new();
        for far in [&mut client.publish, &mut client.subscribe] {
            far.rtc.handle_input(Input::Timeout(self.now)).unwrap();
            let polled = far.poll(&mut client.key_frames_asked);
            sent.extend(far.outbox.drain(..).chain(polled).map(|transmit| (far.address, transmit)));
        }
        for (source, transmit) in sent {
            if !cut {
                let source = Remote { protocol: transmit.proto, address: source };
                self.shard.handle_datagram(source, transmit.destination, &transmit.contents, self.now);
            }
        }
        self.shard.flush(self.now);
    }

    fn deliver_from_server(&mut self) {
        while let Some(transmit) = self.shard.poll_transmit() {
            for (number, client) in self.clients.iter_mut().enumerate() {
                for far in [&mut client.publish, &mut client.subscribe] {
                    if far.address != transmit.destination || self.cut == Some(number) {
                        continue;
                    }
                    let server = SERVER.parse().unwrap();
                    let Ok(receive) = Receive::new(transmit.proto, server, far.address, &transmit.contents)
                    else {
                        continue;
                    };
                    far.rtc.handle_input(Input::Receive(self.now, receive)).unwrap();
                    let answers = far.poll(&mut client.key_frames_asked);
                    far.outbox.extend(answers);
                }
            }
        }
    }

    /// From whom a client heard in this time, and how often.
    fn heard(&mut self, number: usize, time: Duration) -> Vec<u8> {
        self.clients[number].subscribe.received.clear();
        self.run(time);
        self.clients[number].subscribe.received.keys().copied().collect()
    }

    fn media_lines(&self, number: usize) -> usize {
        self.clients[number].offer.as_ref().map_or(0, |offer| offer.sdp.matches("\r\nm=").count())
    }
}

const BOTH: [MediaKind; 2] = [MediaKind::Audio, MediaKind::Video];
const AUDIO_VIDEO: [LibraryKind; 2] = [LibraryKind::Audio, LibraryKind::Video];
const SECOND: Duration = Duration::from_secs(1);

fn three_publishers() -> (World, Vec<StreamId>) {
    let mut world = World::new();
    let streams = (0..3)
        .map(|number| {
            assert_eq!(world.join(&BOTH), number);
            world.publish(number, "camera", &AUDIO_VIDEO, &["camera"]).streams[0].id
        })
        .collect();
    world.run(SECOND);
    (world, streams)
}

#[test]
fn packets_go_exactly_where_routes_say() {
    let (mut world, streams) = three_publishers();
    world.route(&[], &[(streams[0], 1), (streams[2], 1), (streams[1], 0)]);
    world.run(SECOND);
    assert_eq!(world.heard(1, SECOND), [0, 2]);
    assert_eq!(world.heard(0, SECOND), [1]);
    assert_eq!(world.heard(2, SECOND), []);
}

#[test]
fn clients_that_udp_does_not_reach_exchange_media_over_tcp() {
    let mut world = World::new();
    world.protocol = Protocol::Tcp;
    let streams: Vec<StreamId> = (0..2)
        .map(|number| {
            assert_eq!(world.join(&BOTH), number);
            world.publish(number, "camera", &AUDIO_VIDEO, &["camera"]).streams[0].id
        })
        .collect();
    world.route(&[], &[(streams[0], 1)]);
    world.run(SECOND);
    assert_eq!(world.heard(1, SECOND), [0]);
    assert_eq!(world.heard(0, SECOND), []);
}

#[test]
fn the_same_address_over_another_protocol_is_a_stranger() {
    let (mut world, streams) = three_publishers();
    world.route(&[], &[(streams[0], 1)]);
    world.run(SECOND);
    let address = world.clients[1].subscribe.address;
    assert!(world.shard.is_bound(Remote { protocol: Protocol::Udp, address }));
    assert!(!world.shard.is_bound(Remote { protocol: Protocol::Tcp, address }));
    let before = world.shard.counters.values().datagrams_dropped;
    let remote = Remote { protocol: Protocol::Tcp, address };
    world.shard.handle_datagram(remote, SERVER.parse().unwrap(), &[0x80; 40], world.now);
    assert_eq!(world.shard.counters.values().datagrams_dropped, before + 1);
    world.shard.unbind(Remote { protocol: Protocol::Udp, address });
    assert!(!world.shard.is_bound(Remote { protocol: Protocol::Udp, address }), "a closed connection");
}

#[test]
fn m_lines_known_from_before_are_offered_at_once_and_used_again() {
    let (mut world, streams) = three_publishers();
    let lines = [MediaKind::Audio, MediaKind::Audio, MediaKind::Video];
    let number = world.join_again(&[], &lines);
    world.run(SECOND);
    let offer = world.clients[number].offer.take().expect("an offer without anything to receive");
    assert_eq!((offer.lines.as_slice(), offer.streams.len()), (&lines[..], 0));
    assert!(world.clients[number].subscribe.rtc.is_connected(), "the path is up before it is needed");
    world.route(&[], &[(streams[0], number), (streams[1], number)]);
    assert_eq!(world.heard(number, SECOND), [0, 1]);
    let offer = world.clients[number].offer.take().unwrap();
    assert_eq!(offer.lines, [&lines[..], &[MediaKind::Video]].concat(), "known lines first, then new ones");
}

#[test]
fn a_stopped_route_is_silent_before_the_next_offer_is_answered() {
    let (mut world, streams) = three_publishers();
    world.route(&[], &[(streams[0], 1), (streams[2], 1)]);
    world.run(SECOND);
    world.clients[1].answers = false;
    world.route(&[(streams[0], 1)], &[]);
    world.deliver_from_server();
    assert_eq!(world.heard(1, SECOND), [2]);
}

#[test]
fn m_lines_are_reused_and_do_not_grow() {
    let (mut world, streams) = three_publishers();
    world.route(&[], &[(streams[0], 1)]);
    world.run(SECOND);
    let lines = world.media_lines(1);
    assert_eq!(lines, 3);
    let mut current = 0;
    for _ in 0..20 {
        let next = if current == 0 { 2 } else { 0 };
        world.route(&[(streams[current], 1)], &[(streams[next], 1)]);
        world.run(Duration::from_millis(200));
        assert_eq!(world.heard(1, Duration::from_millis(200)), [next as u8]);
        current = next;
    }
    assert_eq!(world.media_lines(1), lines);
}

#[test]
fn changes_during_an_offer_are_merged_into_the_next_one() {
    let (mut world, streams) = three_publishers();
    world.route(&[], &[(streams[0], 1)]);
    let seen = world.clients[1].offers_seen;
    world.route(&[], &[(streams[2], 1)]);
    world.route(&[(streams[0], 1)], &[]);
    world.run(SECOND);
    assert_eq!(world.clients[1].offers_seen - seen, 2);
    assert_eq!(world.heard(1, SECOND), [2]);
}

#[test]
fn an_unanswered_offer_is_made_again_with_a_higher_revision_and_given_up_in_the_end() {
    let (mut world, streams) = three_publishers();
    world.clients[1].answers = false;
    world.route(&[], &[(streams[0], 1)]);
    world.run(Duration::from_secs(60));
    assert_eq!(world.clients[1].offers_seen, 3);
    world.clients[1].answers = true;
    world.route(&[], &[(streams[2], 1)]);
    world.run(SECOND);
    assert_eq!(world.heard(1, SECOND), [0, 2]);
    assert!(world.clients[1].offer.as_ref().unwrap().revision > 3);
}

#[test]
fn revisions_grow_with_every_offer_and_fit_31_bits() {
    let (mut world, streams) = three_publishers();
    let mut last = 0;
    for round in 0..6 {
        let (stop, start) = if round % 2 == 0 { (1, 0) } else { (0, 1) };
        world.route(&[(streams[2 * stop], 1)], &[(streams[2 * start], 1)]);
        world.run(Duration::from_millis(100));
        let revision = world.clients[1].offer.as_ref().unwrap().revision;
        assert!(revision > last && revision < 1 << 31);
        last = revision;
    }
}

#[test]
fn offers_wait_while_nobody_listens() {
    let (mut world, streams) = three_publishers();
    let device = world.clients[1].device;
    world.order(Order::SignallingChanged { device, signalling: Path::Down });
    world.route(&[], &[(streams[0], 1)]);
    world.run(SECOND);
    assert_eq!(world.clients[1].offers_seen, 0);
    world.order(Order::SignallingChanged { device, signalling: Path::Up });
    world.run(SECOND);
    assert_eq!(world.heard(1, SECOND), [0]);
}

#[test]
fn forbidden_media_is_neither_accepted_nor_forwarded() {
    let mut world = World::new();
    world.join(&[MediaKind::Audio]);
    world.join(&BOTH);
    let answer = world.publish(0, "camera", &AUDIO_VIDEO, &["camera"]);
    assert_eq!(answer.streams[0].kinds, [MediaKind::Audio]);
    let video = answer.sdp.split("m=video").nth(1).unwrap();
    assert!(video.contains("a=inactive"), "{video}");
    world.run(SECOND);
    world.route(&[], &[(answer.streams[0].id, 1)]);
    world.run(SECOND);
    assert_eq!(world.media_lines(1), 2);
    assert_eq!(world.heard(1, SECOND), [0]);
}

#[test]
fn a_stream_is_known_only_while_the_device_names_it() {
    let mut world = World::new();
    world.join(&BOTH);
    world.join(&BOTH);
    let camera = world.publish(0, "camera", &AUDIO_VIDEO, &["camera"]).streams[0].id;
    let both = world.publish(0, "screen", &[LibraryKind::Video], &["camera", "screen"]).streams;
    assert_eq!(both[0].id, camera);
    world.run(SECOND);
    world.route(&[], &[(both[0].id, 1), (both[1].id, 1)]);
    world.run(SECOND);
    assert_eq!(world.media_lines(1), 4);
    let camera_mids = world.clients[0].sending[..2].to_vec();
    let screen_only = world.offer_inactive(0, &camera_mids, "screen").streams;
    assert_eq!(screen_only.iter().map(|stream| stream.id).collect::<Vec<_>>(), [both[1].id]);
}

#[test]
fn a_lost_subscribe_path_is_offered_anew_on_the_same_lines() {
    let (mut world, streams) = three_publishers();
    world.route(&[], &[(streams[0], 1)]);
    world.run(SECOND);
    let lines = world.media_lines(1);
    world.cut = Some(1);
    // The client's own library would not take a new transport, so a fresh one stands in for the browser.
    world.clients[1].answers = false;
    world.run(Duration::from_secs(25));
    assert!(world.clients[1].offers_seen >= 2);
    world.cut = None;
    world.clients[1].subscribe = Far::new(world.now, 30_000, Protocol::Udp);
    world.clients[1].answers = true;
    world.run(Duration::from_secs(12));
    assert_eq!(world.media_lines(1), lines);
    assert_eq!(world.heard(1, SECOND), [0]);
}

#[test]
fn a_closed_device_leaves_nothing_behind() {
    let (mut world, streams) = three_publishers();
    world.route(&[], &[(streams[0], 1), (streams[1], 0)]);
    world.run(SECOND);
    for number in 0..3 {
        let device = world.clients[number].device;
        world.order(Order::CloseDevice { device });
    }
    assert!(world.shard.devices.is_empty() && world.shard.streams.is_empty());
    assert!(world.shard.touched.is_empty());
    assert_eq!(world.shard.poll_timeout(), None);
    assert_eq!(format!("{:?}", world.shard.demux), format!("{:?}", Demux::default()));
    assert_eq!(format!("{:?}", world.shard.routing), format!("{:?}", Routing::default()));
}

#[test]
fn datagrams_from_strangers_get_no_answer() {
    let (mut world, streams) = three_publishers();
    world.route(&[], &[(streams[0], 1)]);
    world.run(SECOND);
    while world.shard.poll_transmit().is_some() {}
    let stranger = "127.0.0.1:9".parse().unwrap();
    let server = SERVER.parse().unwrap();
    let before = world.shard.counters.values().datagrams_dropped;
    let client_hello = [&[22, 254, 253][..], &[0; 60]].concat();
    let rtp = [&[128, 111][..], &[0; 60]].concat();
    let stun = [&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42][..], &[0; 12]].concat();
    let datagrams = [client_hello, rtp, stun, vec![], vec![255; 3]];
    for datagram in &datagrams {
        let stranger = Remote { protocol: Protocol::Udp, address: stranger };
        world.shard.handle_datagram(stranger, server, datagram, world.now);
    }
    world.shard.flush(world.now);
    assert!(world.shard.poll_transmit().is_none());
    assert_eq!(world.shard.counters.values().datagrams_dropped - before, datagrams.len() as u64);
}

proptest::proptest! {
    #[test]
    fn no_datagram_makes_a_shard_panic(
        datagrams in proptest::collection::vec(
            (proptest::bool::ANY, proptest::collection::vec(proptest::num::u8::ANY, 0..200)), 1..20),
    ) {
        let mut world = World::new();
        world.join(&BOTH);
        world.publish(0, "camera", &AUDIO_VIDEO, &["camera"]);
        let bound: SocketAddr = "127.0.0.1:20000".parse().unwrap();
        world.run(Duration::from_millis(300));
        for (is_bound, datagram) in datagrams {
            let source = if is_bound { bound } else { "127.0.0.1:9".parse().unwrap() };
            let source = Remote { protocol: Protocol::Udp, address: source };
            world.shard.handle_datagram(source, SERVER.parse().unwrap(), &datagram, world.now);
        }
        world.shard.flush(world.now);
    }
}

#[test]
fn a_sequence_that_rolled_over_before_the_subscriber_came_starts_at_zero_rollovers() {
    let mut world = World::new();
    world.join(&BOTH);
    world.join(&BOTH);
    let stream = world.publish(0, "camera", &AUDIO_VIDEO, &["camera"]).streams[0].id;
    world.clients[0].publish.sequence = 65_500;
    world.run(Duration::from_secs(2));
    assert!(world.clients[0].publish.sequence > 65_536);
    world.route(&[], &[(stream, 1)]);
    world.run(SECOND);
    assert_eq!(world.heard(1, SECOND), [0]);
}

#[test]
fn a_line_that_is_off_does_not_spoil_the_formats_of_the_others() {
    let mut world = World::new();
    world.join(&BOTH);
    let offer = include_str!("../testdata/publish-offer-3-after-unpublish-camera.sdp");
    let screen = StreamRequest { msid: "b1efd369-92a5-41fe-b984-aa7be44dde2e".into(), alias: None };
    let answer = world.offer(0, offer.into(), vec![screen]).unwrap();
    assert_eq!(answer.streams[0].kinds, [MediaKind::Video]);
    let lines: Vec<&str> = answer.sdp.lines().filter(|line| line.starts_with("m=")).collect();
    assert_eq!(lines[1..3], ["m=audio 0 UDP/TLS/RTP/SAVPF 0", "m=video 0 UDP/TLS/RTP/SAVPF 0"]);
    assert_eq!(lines[3], "m=video 9 UDP/TLS/RTP/SAVPF 96 97");
}

#[test]
fn a_recycled_line_may_come_back_as_another_kind() {
    let mut world = World::new();
    world.join(&BOTH);
    let before = include_str!("../testdata/publish-offer-2-camera-plus-screen.sdp");
    let unpublished = include_str!("../testdata/publish-offer-3-after-unpublish-camera.sdp");
    let recycled = include_str!("../testdata/publish-offer-4-republish-recycled.sdp");
    let swapped = swap_sections(recycled, 1, 2);
    for offer in [before, unpublished, &swapped] {
        world.offer(0, offer.into(), vec![]).unwrap();
    }
}

/// The description with two of its media sections in each other's place.
fn swap_sections(sdp: &str, one: usize, other: usize) -> String {
    let mut parts: Vec<&str> = sdp.split("m=").collect();
    parts.swap(one + 1, other + 1);
    parts.join("m=")
}

#[test]
fn a_stream_given_up_and_wanted_again_comes_under_another_ssrc() {
    let (mut world, streams) = three_publishers();
    let route = [(streams[0], 1)];
    world.route(&[], &route);
    world.run(SECOND);
    let before = ssrcs(&world, 1);
    // Both within one step, so that no offer without the stream comes between.
    world.route(&route, &route);
    world.run(SECOND);
    assert_eq!(world.heard(1, SECOND), [0]);
    assert!(ssrcs(&world, 1).iter().all(|ssrc| !before.contains(ssrc)));
}

#[test]
fn a_stopped_stream_is_not_sent_again_on_request() {
    let (mut world, streams) = three_publishers();
    world.route(&[], &[(streams[0], 1)]);
    world.run(SECOND);
    let ssrcs = ssrcs(&world, 1);
    world.clients[1].answers = false;
    world.route(&[(streams[0], 1)], &[]);
    let device = world.clients[1].device;
    let subscribe = &mut world.shard.devices.get_mut(&device).unwrap().subscribe;
    let mut api = subscribe.connection().unwrap().rtc().direct_api();
    assert!(ssrcs.iter().all(|ssrc| api.stream_tx(&(*ssrc).into()).is_none()));
}

/// The SSRCs in a client's last offer.
fn ssrcs(world: &World, number: usize) -> Vec<u32> {
    let offer = world.clients[number].offer.as_ref().unwrap();
    let lines = offer.sdp.lines().filter_map(|line| line.strip_prefix("a=ssrc:"));
    lines.map(|line| line.split(' ').next().unwrap().parse().unwrap()).collect()
}
