//! A device without media: says over its WebSocket what the browser package would say.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::{Value, json};
use tungstenite::{Error, Message, WebSocket};

use crate::run::Failure;

/// What Chromium offers, and the MediaStream in it.
const OFFER: &str = include_str!("../../../crates/media/testdata/publish-offer-1-audio-video.sdp");
const MSID: &str = "1e808d74-9c20-4773-b81c-78648834a1db";
/// How long one look for messages takes at most.
const LISTEN: Duration = Duration::from_millis(200);
const FIRST_CALL_ID: u64 = 3;

/// A connected device.
pub(super) struct Device {
    socket: WebSocket<TcpStream>,
    next_call_id: u64,
}

impl Device {
    /// Connects and publishes.
    pub(super) fn connect(server: SocketAddr, token: &str) -> Result<Self, Failure> {
        let stream = TcpStream::connect(server).map_err(|error| failed(error.into()))?;
        let url = format!("ws://{server}/v3/?token={token}&client=browser&uniqueId=soak");
        let handshake = tungstenite::client(url, stream);
        let (socket, _) = handshake.map_err(|error| Failure(format!("a device can't connect: {error}")))?;
        socket.get_ref().set_read_timeout(Some(LISTEN)).map_err(|error| failed(error.into()))?;
        let mut device = Self { socket, next_call_id: FIRST_CALL_ID };
        device.send(json!({ "jsonrpc": "2.0", "id": 1, "method": "setMediaPreferences",
            "params": { "protocol": "WEBRTC" } }))?;
        let metadata = json!({ "mediaStreams": { MSID: {} }, "dataChannels": {} });
        device.send(json!({ "jsonrpc": "2.0", "id": 2, "method": "offerSdp",
            "params": { "sdpOffer": OFFER, "mediaMetadata": metadata } }))?;
        Ok(device)
    }

    /// Waits a little for a message, and answers it if it is an offer.
    pub(super) fn listen(&mut self) -> Result<(), Failure> {
        let text = match self.socket.read() {
            Ok(Message::Text(text)) => text,
            Ok(_) => return Ok(()),
            Err(Error::Io(error))
                if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) =>
            {
                return Ok(());
            }
            Err(error) => return Err(failed(error)),
        };
        let message: Value = serde_json::from_str(&text)
            .map_err(|error| Failure(format!("the server said {text}: {error}")))?;
        if message["error"].is_object() && !self.was_overtaken(&message["id"]) {
            return Err(Failure(format!("a device was refused: {text}")));
        }
        match message["params"]["sdpOffer"].as_str() {
            Some(offer) if message["method"] == "sdpOffer" => self.answer(offer),
            _ => Ok(()),
        }
    }

    /// Whether the call was an answer to an offer that was replaced before the answer arrived. The newer offer came first.
    fn was_overtaken(&self, call: &Value) -> bool {
        call.as_u64().is_some_and(|id| id >= FIRST_CALL_ID && id + 1 < self.next_call_id)
    }

    fn answer(&mut self, offer: &str) -> Result<(), Failure> {
        let id = self.next_call_id;
        self.next_call_id += 1;
        let params = json!({ "sdpAnswer": answer_to(offer) });
        self.send(json!({ "jsonrpc": "2.0", "id": id, "method": "answerSdp", "params": params }))
    }

    /// Says goodbye.
    pub(super) fn leave(&mut self) -> Result<(), Failure> {
        self.send(json!({ "jsonrpc": "2.0", "method": "leave", "params": {} }))
    }

    fn send(&mut self, message: Value) -> Result<(), Failure> {
        self.socket.send(Message::text(message.to_string())).map_err(failed)
    }
}

/// What a browser that takes everything would answer.
fn answer_to(offer: &str) -> String {
    let dropped = ["a=ice-lite", "a=candidate", "a=msid:", "a=msid ", "a=ssrc"];
    let lines = offer.lines().filter(|line| !dropped.iter().any(|start| line.starts_with(start)));
    let lines = lines.map(|line| match line {
        "a=setup:actpass" => "a=setup:passive",
        "a=sendonly" => "a=recvonly",
        line => line,
    });
    lines.flat_map(|line| [line, "\r\n"]).collect()
}

fn failed(error: Error) -> Failure {
    Failure(format!("a device's connection failed: {error}"))
}
