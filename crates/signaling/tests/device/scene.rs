//! A device on its own: what goes in, and all that comes out, in a few words for each output.

use std::time::Duration;

use crosspoint_ids::Timestamp;
use crosspoint_model::{Alias, MediaTypes};
use crosspoint_signaling::{
    CallNumber, Confidential, ConnectionId, Device, Input, OfferedStream, Output, Path, PublishAnswer,
    PublishAnswerStream, Side, SubscribeOffer,
};
use serde_json::{Value, json};

pub(crate) const LEAVE: &str = r#"{"jsonrpc":"2.0","method":"leave"}"#;

pub(crate) struct Scene {
    pub(crate) device: Device,
    pub(crate) now: Timestamp,
    in_media: Option<CallNumber>,
}

impl Scene {
    pub(crate) fn new() -> Self {
        let now = Timestamp::from_millis(1_000_000);
        let device = Device::new(now, id(1), id(2));
        Self { device, now, in_media: None }
    }

    pub(crate) fn attached() -> Self {
        let mut scene = Self::new();
        scene.attach(1);
        scene.expect(&["signalling up"]);
        scene
    }

    pub(crate) fn handle(&mut self, input: Input) {
        self.device.handle(self.now, input);
    }

    pub(crate) fn attach(&mut self, connection: u64) {
        self.handle(Input::Attached { connection: ConnectionId(connection) });
    }

    pub(crate) fn detach(&mut self, connection: u64, close_code: Option<u16>) {
        self.handle(Input::Detached { connection: ConnectionId(connection), close_code });
    }

    pub(crate) fn frame(&mut self, connection: u64, text: &str) {
        let text = Confidential::from(text);
        self.handle(Input::Frame { connection: ConnectionId(connection), text });
    }

    pub(crate) fn call(&mut self, connection: u64, id: u64, method: &str, params: &Value) {
        let call = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        self.frame(connection, &call.to_string());
    }

    pub(crate) fn ping(&mut self, connection: u64, id: u64) {
        self.call(connection, id, "ping", &json!({}));
    }

    pub(crate) fn offer(&mut self, connection: u64, id: u64) {
        let streams = json!({ "cam": { "alias": "camera" }, "mic": {} });
        let params =
            json!({ "sdpOffer": format!("offer{id}"), "mediaMetadata": { "mediaStreams": streams } });
        self.call(connection, id, "offerSdp", &params);
    }

    pub(crate) fn answer(&mut self, connection: u64, id: u64) {
        self.call(connection, id, "answerSdp", &json!({ "sdpAnswer": format!("answer{id}") }));
    }

    pub(crate) fn pong(&mut self, connection: u64, call: u64) {
        let payload = call.to_be_bytes().to_vec();
        self.handle(Input::Pong { connection: ConnectionId(connection), payload });
    }

    pub(crate) fn media_publishes(&mut self, result: Result<PublishAnswer, &str>) {
        let call = self.in_media.expect("the media plane was asked");
        self.handle(Input::PublishAnswered { call, result: result.map_err(str::to_owned) });
    }

    pub(crate) fn media_takes_answer(&mut self, result: Result<(), &str>) {
        let call = self.in_media.expect("the media plane was asked");
        self.handle(Input::SubscribeAnswered { call, result: result.map_err(str::to_owned) });
    }

    pub(crate) fn path(&mut self, side: Side, path: Path) {
        self.handle(Input::PathChanged { side, path });
    }

    pub(crate) fn pass(&mut self, duration: Duration) {
        self.now = self.now + duration;
        self.device.handle_timeout(self.now);
    }

    /// These and no others are the outputs since the last time; pings and what is said of lost calls are left out.
    #[track_caller]
    pub(crate) fn expect(&mut self, expected: &[&str]) {
        let outputs = self.outputs();
        let words: Vec<String> =
            outputs.iter().filter(|output| !matches!(output, Output::SendPing { .. })).map(words).collect();
        let words: Vec<String> = words.into_iter().filter(|words| !words.ends_with("error -32000")).collect();
        assert_eq!(words, expected);
    }

    pub(crate) fn outputs(&mut self) -> Vec<Output> {
        let outputs: Vec<Output> = std::iter::from_fn(|| self.device.poll_output()).collect();
        for output in &outputs {
            if let Output::ApplyPublishOffer { call, .. } | Output::ApplySubscribeAnswer { call, .. } = output
            {
                self.in_media = Some(*call);
            }
        }
        outputs
    }

    pub(crate) fn frames(&mut self) -> Vec<Value> {
        let outputs = self.outputs();
        let texts = outputs.iter().filter_map(|output| match output {
            Output::Send { text, .. } => Some(text.as_str()),
            _ => None,
        });
        texts.map(|text| serde_json::from_str(text).expect("a frame is JSON")).collect()
    }
}

pub(crate) fn words(output: &Output) -> String {
    match output {
        Output::Send { connection, text } => format!("{}: {}", connection.0, frame_words(text.as_str())),
        Output::SendPing { connection, payload } => {
            format!("{}: ping {}", connection.0, u64::from_be_bytes(*payload))
        }
        Output::CloseSocket { connection, code, reason } => {
            assert!(!reason.is_empty() && reason.len() < 100);
            format!("{}: close {code}", connection.0)
        }
        Output::ApplyPublishOffer { sdp, streams, .. } => {
            let streams = streams.iter().map(|stream| {
                let alias = stream.alias.as_ref().map_or("-", Alias::as_str);
                format!(" {}={alias}", stream.msid)
            });
            format!("apply {}{}", sdp.as_str(), streams.collect::<String>())
        }
        Output::ApplySubscribeAnswer { sdp, .. } => format!("apply {}", sdp.as_str()),
        Output::SignallingUp => "signalling up".to_owned(),
        Output::SignallingLost => "signalling lost".to_owned(),
        Output::StreamsPublished(streams) => {
            let streams = streams.iter().map(|stream| {
                let alias = stream.alias.as_ref().map_or("-", Alias::as_str);
                format!(" {alias}:{:?}", stream.media_types)
            });
            format!("published{}", streams.collect::<String>())
        }
        Output::Gone { reason } => format!("gone {reason:?}"),
    }
}

pub(crate) fn frame_words(text: &str) -> String {
    let frame: Value = serde_json::from_str(text).expect("a frame is JSON");
    assert_eq!(frame["jsonrpc"], "2.0");
    if let Some(params) = frame.get("params") {
        assert!(frame.get("id").is_none());
        return format!("{} {}", frame["method"].as_str().expect("text"), params["sdpRevision"]);
    }
    let id = frame.get("id").expect("a reply has an id");
    match (frame.get("result"), frame.get("error")) {
        (Some(result), None) => match result.get("sdpAnswer") {
            Some(sdp) => format!("reply {id} {}", sdp.as_str().expect("text")),
            None => format!("reply {id} {result}"),
        },
        (None, Some(error)) => format!("reply {id} error {}", error["code"]),
        _ => panic!("{frame}"),
    }
}

pub(crate) fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(number: u8) -> T {
    format!("00000000-0000-4000-8000-0000000000{number:02x}").parse().expect("an id")
}

pub(crate) fn published(streams: &[(&str, MediaTypes)]) -> PublishAnswer {
    let streams = streams.iter().zip(0x10..).map(|((name, media_types), number)| PublishAnswerStream {
        msid: format!("msid-{name}"),
        id: id(number),
        alias: Some(Alias::new(name).expect("short")),
        media_types: *media_types,
    });
    PublishAnswer { sdp: "answer".into(), streams: streams.collect() }
}

pub(crate) fn camera() -> PublishAnswer {
    published(&[("camera", MediaTypes::AUDIO | MediaTypes::VIDEO)])
}

pub(crate) fn subscribe_offer(revision: u32) -> Input {
    Input::OfferReady(SubscribeOffer {
        sdp: "v=0".into(),
        revision,
        streams: vec![OfferedStream {
            id: id(0x20),
            participant: id(0x21),
            alias: None,
            media_types: MediaTypes::VIDEO,
        }],
    })
}
