//! ICE credentials that outlive the process that gave them out.
//!
//! A password follows from its user name and a secret key, so that a process with the same key knows it without having
//! given it out. It can tell a client of an earlier process at once, and with authority, that its path is gone, where
//! silence would keep the client trying for a quarter of a minute.
//!
//! The user name also says whose it is: a client that learns of its loss while its signalling is down offers into the
//! void, and never again. So it is told once the signalling is up.

use std::fmt;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use aws_lc_rs::hmac;
use crosspoint_ids::DeviceId;
use str0m::IceCreds;
use str0m::ice::{StunMessage, StunMessageBuilder};
use str0m::net::{DatagramSend, Transmit};
use uuid::Uuid;

use crate::demux::Remote;

/// Room for the answer: a header, an error code without words, integrity and fingerprint.
const ANSWER_LEN_MAX: usize = 128;
/// A client takes any error for the end of the path, but for those that ask it to try again (RFC 8489 section 14.8).
const BAD_REQUEST: u16 = 400;
/// The most requests of unknown names that are looked into in a second; each costs two short digests.
const LOOKS_PER_SECOND_MAX: u32 = 2_000;

/// The secret from which ICE passwords follow.
#[derive(Clone)]
pub struct IceKey(hmac::Key);

impl fmt::Debug for IceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IceKey(…)")
    }
}

impl IceKey {
    /// A key from 32 secret bytes, which must be the same in the next process.
    pub fn new(secret: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// A new user name of a device, with 48 random bits, and its password of 160 bits (RFC 8445 section 5.3).
    pub(crate) fn credentials(&self, device: DeviceId) -> IceCreds {
        let random = Uuid::new_v4().simple().to_string();
        let ufrag = format!("{}{}", DeviceTag::of(device).0, random.get(..TAG_LEN).unwrap_or(&random));
        let pass = self.password(&ufrag);
        IceCreds { ufrag, pass }
    }

    fn password(&self, ufrag: &str) -> String {
        let tag = hmac::sign(&self.0, ufrag.as_bytes());
        tag.as_ref().iter().take(20).map(|byte| format!("{byte:02x}")).collect()
    }
}

/// How long the device's part of a user name is, and how long the random part.
const TAG_LEN: usize = 12;

/// The part of a user name that says whose it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct DeviceTag(String);

impl DeviceTag {
    pub(crate) fn of(device: DeviceId) -> Self {
        let mut text = device.as_uuid().simple().to_string();
        text.truncate(TAG_LEN);
        Self(text)
    }

    /// The tag in a user name of our form.
    fn in_ufrag(ufrag: &str) -> Option<Self> {
        let ours = ufrag.len() == 2 * TAG_LEN && ufrag.bytes().all(|byte| byte.is_ascii_hexdigit());
        ufrag.get(..TAG_LEN).filter(|_| ours).map(|tag| Self(tag.to_owned()))
    }
}

/// Answers clients of paths that are gone.
#[derive(Debug)]
pub(crate) struct Farewell {
    key: IceKey,
    /// When the current second began, and how many requests were looked into since.
    second: (Instant, u32),
}

impl Farewell {
    pub(crate) fn new(key: IceKey, now: Instant) -> Self {
        Self { key, second: (now, 0) }
    }

    /// The answer to a STUN request whose user name belongs to no connection: an authenticated error, if the request
    /// proves to know the password that we once gave out, and its device can act on it. It is never longer than the
    /// request.
    pub(crate) fn answer(
        &mut self,
        source: Remote,
        destination: SocketAddr,
        datagram: &[u8],
        can_act: impl FnOnce(&DeviceTag) -> bool,
        now: Instant,
    ) -> Option<Transmit> {
        let request = StunMessage::parse(datagram).ok().filter(StunMessage::is_binding_request)?;
        let (ufrag, _) = request.split_username()?;
        let tag = DeviceTag::in_ufrag(ufrag)?;
        if !can_act(&tag) || !self.may_look(now) {
            return None;
        }
        let password = self.key.password(ufrag);
        if !request.verify(password.as_bytes(), hmac_sha1) {
            return None;
        }
        let answer = StunMessageBuilder::new()
            .binding()
            .failure()
            .error_code(BAD_REQUEST, "")
            .build(request.trans_id());
        let mut buffer = [0; ANSWER_LEN_MAX];
        let len = answer.to_bytes(Some(password.as_bytes()), &mut buffer, hmac_sha1).ok()?;
        let contents = buffer.get(..len).filter(|contents| contents.len() <= datagram.len())?;
        Some(Transmit {
            proto: source.protocol,
            source: destination,
            destination: source.address,
            contents: DatagramSend::from(contents.to_vec()),
        })
    }

    fn may_look(&mut self, now: Instant) -> bool {
        let (begun, count) = &mut self.second;
        if now.saturating_duration_since(*begun) >= Duration::from_secs(1) {
            (*begun, *count) = (now, 0);
        }
        *count += 1;
        *count <= LOOKS_PER_SECOND_MAX
    }
}

/// As STUN wants it (RFC 8489 section 14.5).
fn hmac_sha1(key: &[u8], parts: &[&[u8]]) -> [u8; 20] {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key));
    parts.iter().for_each(|part| context.update(part));
    let mut tag = [0; 20];
    tag.copy_from_slice(context.sign().as_ref());
    tag
}

#[cfg(test)]
mod tests {
    use str0m::ice::TransId;
    use str0m::net::Protocol;

    use super::*;

    const SERVER: &str = "192.0.2.1:8081";

    fn client() -> Remote {
        Remote { protocol: Protocol::Udp, address: "192.0.2.7:5000".parse().unwrap() }
    }

    fn device() -> DeviceId {
        DeviceId::new(Uuid::from_u128(0x0123_4567_89ab_4def_8000_0000_0000_0000))
    }

    fn key() -> IceKey {
        IceKey::new(&[7; 32])
    }

    /// A binding request as a browser makes it, under this user name and with this password.
    fn request(ufrag: &str, password: &str) -> Vec<u8> {
        let username = format!("{ufrag}:far");
        let message = StunMessage::binding_request(&username, TransId::new(), true, 1, 2, false);
        let mut buffer = [0; 512];
        let len = message.to_bytes(Some(password.as_bytes()), &mut buffer, hmac_sha1).unwrap();
        buffer[..len].to_vec()
    }

    fn answer(key: IceKey, datagram: &[u8]) -> Option<Transmit> {
        let now = Instant::now();
        let can_act = |tag: &DeviceTag| *tag == DeviceTag::of(device());
        Farewell::new(key, now).answer(client(), SERVER.parse().unwrap(), datagram, can_act, now)
    }

    #[test]
    fn a_client_of_an_earlier_process_gets_an_authenticated_error() {
        let IceCreds { ufrag, pass } = key().credentials(device());
        let request = request(&ufrag, &pass);
        let transmit = answer(key(), &request).expect("an answer");
        assert_eq!((transmit.destination, transmit.source), (client().address, SERVER.parse().unwrap()));
        assert!(transmit.contents.len() <= request.len());
        let message = StunMessage::parse(&transmit.contents).unwrap();
        assert!(message.is_failed_binding_response());
        assert_eq!(message.error_code(), Some((400, "")));
        assert_eq!(message.trans_id(), StunMessage::parse(&request).unwrap().trans_id());
        assert!(message.verify(pass.as_bytes(), hmac_sha1));
    }

    #[test]
    fn strangers_get_nothing() {
        let IceCreds { ufrag, pass } = key().credentials(device());
        let mut torn = request(&ufrag, &pass);
        torn.truncate(30);
        for (what, datagram) in [
            ("a wrong password", request(&ufrag, "x")),
            ("another server's name", request("abcd", &pass)),
            ("a name of our form", request(&"0".repeat(24), &pass)),
            ("a device that can't act", {
                let IceCreds { ufrag, pass } = key().credentials(DeviceId::new(Uuid::nil()));
                request(&ufrag, &pass)
            }),
            ("half a request", torn),
            ("no request", vec![0; 40]),
            ("nothing", Vec::new()),
        ] {
            assert!(answer(key(), &datagram).is_none(), "{what}");
        }
        assert!(
            answer(IceKey::new(&[8; 32]), &request(&ufrag, &pass)).is_none(),
            "a server with another key"
        );
    }

    #[test]
    fn a_flood_costs_only_so_much() {
        let IceCreds { ufrag, pass } = key().credentials(device());
        let datagram = request(&ufrag, &pass);
        let now = Instant::now();
        let mut farewell = Farewell::new(key(), now);
        let mut ask =
            |at| farewell.answer(client(), SERVER.parse().unwrap(), &datagram, |_| true, at).is_some();
        let answered = (0..3 * LOOKS_PER_SECOND_MAX).filter(|_| ask(now)).count();
        assert_eq!(answered, LOOKS_PER_SECOND_MAX as usize);
        assert!(ask(now + Duration::from_secs(1)));
    }
}
