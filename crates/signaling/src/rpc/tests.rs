use serde_json::{Value, json};

use super::*;

fn check(table: &[(&str, &str)]) {
    for (frame, expected) in table {
        assert_eq!(summary(&parse(frame)), *expected, "{frame}");
    }
}

/// A frame in a few words, so that tables stay readable.
fn summary(frame: &Frame) -> String {
    match frame {
        Frame::Call(Call { id, method }) => format!("{} {}", id.as_json(), method_summary(method)),
        Frame::Notification(notification) => format!("{notification:?}"),
        Frame::Ignored => "ignored".to_owned(),
        Frame::Refused { id, refusal } => format!("{} {} {refusal}", id.as_json(), refusal.code()),
    }
}

fn method_summary(method: &Method) -> String {
    match method {
        Method::OfferSdp(offer) => {
            let streams: Vec<String> = offer.streams.iter().map(stream_summary).collect();
            format!("offerSdp {} [{}]", offer.sdp.as_str(), streams.join(" "))
        }
        Method::AnswerSdp(answer) => format!("answerSdp {}", answer.sdp.as_str()),
        Method::SetMediaPreferences | Method::Ping | Method::Leave | Method::DeviceDiagnostics => {
            format!("{method:?}")
        }
    }
}

fn stream_summary(stream: &RequestedStream) -> String {
    match &stream.alias {
        Some(alias) => format!("{}={}", stream.msid, alias.as_str()),
        None => stream.msid.clone(),
    }
}

fn call_text(method: &str, params: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#)
}

fn check_params(method: &str, table: &[(&str, &str)]) {
    for (params, expected) in table {
        assert_eq!(summary(&parse(&call_text(method, params))), *expected, "{method} {params}");
    }
}

#[test]
fn calls_of_the_npm_client_are_taken() {
    check(&[
        (
            r#"{"jsonrpc":"2.0","method":"setMediaPreferences","params":{"protocol":"WEBRTC"},"id":1}"#,
            "1 SetMediaPreferences",
        ),
        (
            r#"{"jsonrpc":"2.0","method":"offerSdp","params":{"sdpOffer":"v=0\r","mediaMetadata":{"mediaStreams":
                {"b1":{"alias":"camera"},"a0":{}},"dataChannels":{"__heartbeat__":{"label":"h","streamId":0}}}},"id":2}"#,
            "2 offerSdp v=0\r [b1=camera a0]",
        ),
        (r#"{"jsonrpc":"2.0","method":"answerSdp","params":{"sdpAnswer":"v=0"},"id":3}"#, "3 answerSdp v=0"),
        (r#"{"jsonrpc":"2.0","method":"ping","params":{},"id":4}"#, "4 Ping"),
        (r#"{"jsonrpc":"2.0","method":"leave"}"#, "Leave"),
        (r#"{"jsonrpc":"2.0","method":"leave","params":null}"#, "Leave"),
        (
            r#"{"jsonrpc":"2.0","method":"deviceDiagnostics","params":{"logs":["token"]}}"#,
            "DeviceDiagnostics",
        ),
    ]);
}

#[test]
fn methods_without_parameters_take_any() {
    check(&[
        (r#"{"jsonrpc":"2.0","id":1,"method":"setMediaPreferences"}"#, "1 SetMediaPreferences"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"setMediaPreferences","params":[1]}"#, "1 SetMediaPreferences"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#, "1 Ping"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"leave"}"#, "1 Leave"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"deviceDiagnostics","params":{}}"#, "1 DeviceDiagnostics"),
    ]);
}

#[test]
fn what_is_no_request_is_refused() {
    check(&[
        ("", "null -32700 the frame is not JSON"),
        ("{", "null -32700 the frame is not JSON"),
        ("{}{}", "null -32700 the frame is not JSON"),
        ("{\"jsonrpc\":\"2.0\",\"method\":\"ping\",\"id\":1,}", "null -32700 the frame is not JSON"),
        ("\u{feff}{}", "null -32700 the frame is not JSON"),
        ("7", "null -32600 not a JSON-RPC 2.0 request: an object is required"),
        ("null", "null -32600 not a JSON-RPC 2.0 request: an object is required"),
        ("[]", "null -32600 not a JSON-RPC 2.0 request: batches are not taken"),
        (
            r#" [{"jsonrpc":"2.0","id":1,"method":"ping"}]"#,
            "null -32600 not a JSON-RPC 2.0 request: batches are not taken",
        ),
        (r#"["2.0",1,"ping"]"#, "null -32600 not a JSON-RPC 2.0 request: batches are not taken"),
        ("{}", "null -32600 not a JSON-RPC 2.0 request: jsonrpc: \"2.0\" is required"),
        (r#"{"id":7,"method":"ping"}"#, "7 -32600 not a JSON-RPC 2.0 request: jsonrpc: \"2.0\" is required"),
        (
            r#"{"jsonrpc":2.0,"id":7,"method":"ping"}"#,
            "7 -32600 not a JSON-RPC 2.0 request: jsonrpc: \"2.0\" is required",
        ),
        (
            r#"{"jsonrpc":"2.0","method":1,"params":"bar"}"#,
            "null -32600 not a JSON-RPC 2.0 request: method: a string is required",
        ),
        (r#"{"jsonrpc":"2.0","id":7}"#, "7 -32600 not a JSON-RPC 2.0 request: method: a string is required"),
        (
            r#"{"jsonrpc":"2.0","id":7,"id":8,"method":"ping"}"#,
            "null -32600 not a JSON-RPC 2.0 request: a member stands twice",
        ),
    ]);
}

#[test]
fn unknown_methods_are_refused_as_calls_and_ignored_as_notifications() {
    check(&[
        (r#"{"jsonrpc":"2.0","id":7,"method":"fly"}"#, "7 -32601 there is no such method"),
        (r#"{"jsonrpc":"2.0","id":7,"method":"Ping"}"#, "7 -32601 there is no such method"),
        (r#"{"jsonrpc":"2.0","id":7,"method":""}"#, "7 -32601 there is no such method"),
        (r#"{"jsonrpc":"2.0","method":"fly"}"#, "ignored"),
        (r#"{"jsonrpc":"2.0","method":"ping"}"#, "ignored"),
        (r#"{"jsonrpc":"2.0","method":"offerSdp","params":7}"#, "ignored"),
    ]);
}

#[test]
fn replies_of_a_client_are_ignored() {
    check(&[
        (r#"{"jsonrpc":"2.0","id":7,"result":{}}"#, "ignored"),
        (r#"{"jsonrpc":"2.0","id":7,"result":null}"#, "ignored"),
        (r#"{"jsonrpc":"2.0","id":7,"error":{"code":1,"message":""}}"#, "ignored"),
        (r#"{"id":{},"result":1,"error":2}"#, "ignored"),
        (r#"{"jsonrpc":"2.0","id":7,"method":"ping","result":1}"#, "7 Ping"),
    ]);
}

#[test]
fn ids_are_strings_numbers_or_null_and_stay_as_they_were_written() {
    for id in [
        "0",
        "-1",
        "1.0",
        "1e3",
        "1e400",
        "123456789012345678901234567890",
        "null",
        r#""""#,
        r#""a\u00e9\n""#,
    ] {
        let call = format!(r#"{{"jsonrpc":"2.0","method":"ping","id": {id} }}"#);
        assert_eq!(summary(&parse(&call)), format!("{id} Ping"));
        assert_eq!(
            refuse(&CallId::new(serde_json::from_str(id).unwrap()).unwrap(), &Refusal::UnknownMethod),
            format!(
                r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":-32601,"message":"there is no such method"}}}}"#
            )
        );
    }
    let long = |len: usize| format!("\"{}\"", "x".repeat(len - 2));
    let refused = "null -32600 not a JSON-RPC 2.0 request: id: a short string, a number or null is required";
    for (id, expected) in [
        ("{}", refused.to_owned()),
        ("[1]", refused.to_owned()),
        ("true", refused.to_owned()),
        (r#""\ud800""#, refused.to_owned()),
        (&long(CALL_ID_LEN_MAX + 1), refused.to_owned()),
        (&long(CALL_ID_LEN_MAX), format!("{} Ping", long(CALL_ID_LEN_MAX))),
    ] {
        let call = format!(r#"{{"jsonrpc":"2.0","method":"ping","id":{id}}}"#);
        assert_eq!(summary(&parse(&call)), expected, "{id}");
    }
}

#[test]
fn offer_parameters_are_checked_by_name() {
    check_params(
        "offerSdp",
        &[
            (r#"{"sdpOffer":"v=0"}"#, "1 offerSdp v=0 []"),
            (r#"{"sdpOffer":"v=0","mediaMetadata":null}"#, "1 offerSdp v=0 []"),
            (r#"{"sdpOffer":"v=0","mediaMetadata":{}}"#, "1 offerSdp v=0 []"),
            (r#"{"sdpOffer":"v=0","mediaMetadata":{"mediaStreams":null}}"#, "1 offerSdp v=0 []"),
            (r#"{"sdpOffer":"v=0","mediaMetadata":{"mediaStreams":{}},"more":[[]]}"#, "1 offerSdp v=0 []"),
            (
                r#"{"sdpOffer":"v=0","mediaMetadata":{"mediaStreams":{"a":null,"b":{"alias":null},"c":{"alias":""}}}}"#,
                "1 offerSdp v=0 [a b c]",
            ),
            ("null", "1 -32602 params: an object is required"),
            ("7", "1 -32602 params: an object is required"),
            (r#"["v=0"]"#, "1 -32602 params: an object is required"),
            ("{}", "1 -32602 sdpOffer: a string with an SDP is required"),
            (r#"{"sdpOffer":null}"#, "1 -32602 sdpOffer: a string with an SDP is required"),
            (r#"{"sdpOffer":7}"#, "1 -32602 sdpOffer: a string with an SDP is required"),
            (r#"{"sdpOffer":""}"#, "1 -32602 sdpOffer: a string with an SDP is required"),
            (r#"{"sdpOffer":"v=0","mediaMetadata":[]}"#, "1 -32602 mediaMetadata: an object is required"),
            (
                r#"{"sdpOffer":"v=0","mediaMetadata":{"mediaStreams":[]}}"#,
                "1 -32602 mediaMetadata.mediaStreams: an object is required",
            ),
            (
                r#"{"sdpOffer":"v=0","mediaMetadata":{"mediaStreams":{"a":"camera"}}}"#,
                "1 -32602 mediaMetadata.mediaStreams: an object is required for stream \"a\"",
            ),
            (
                r#"{"sdpOffer":"v=0","mediaMetadata":{"mediaStreams":{"a":{"alias":7}}}}"#,
                "1 -32602 mediaMetadata.mediaStreams: alias of stream \"a\": a string of at most 128 characters is required",
            ),
            (
                r#"{"sdpOffer":"v=0","mediaMetadata":{"mediaStreams":{"a":{},"a":{}}}}"#,
                "1 -32602 mediaMetadata.mediaStreams: stream \"a\" stands twice",
            ),
        ],
    );
    check(&[(r#"{"jsonrpc":"2.0","id":1,"method":"offerSdp"}"#, "1 -32602 params: an object is required")]);
}

#[test]
fn answer_parameters_are_checked_by_name() {
    check_params(
        "answerSdp",
        &[
            (r#"{"sdpAnswer":"v=0"}"#, "1 answerSdp v=0"),
            (r#"{"sdpOffer":"v=0"}"#, "1 -32602 sdpAnswer: a string with an SDP is required"),
            ("[]", "1 -32602 params: an object is required"),
        ],
    );
}

#[test]
fn bounds_are_kept() {
    let streams = |count: usize, msid_len: usize, alias: &str| {
        let streams: serde_json::Map<String, Value> =
            (0..count).map(|n| (format!("{n:0msid_len$}"), json!({ "alias": alias }))).collect();
        json!({ "sdpOffer": "v=0", "mediaMetadata": { "mediaStreams": streams } })
    };
    let sdp = |len: usize| json!({ "sdpOffer": "x".repeat(len) });
    for (params, refused) in [
        (streams(STREAMS_MAX, MSID_LEN_MAX, &"ä".repeat(128)), None),
        (streams(STREAMS_MAX + 1, 1, ""), Some("mediaMetadata.mediaStreams: more than 64 streams")),
        (streams(1_000, 1, ""), Some("mediaMetadata.mediaStreams: more than 64 streams")),
        (
            streams(1, MSID_LEN_MAX + 1, ""),
            Some("mediaMetadata.mediaStreams: a stream id is longer than 256 bytes"),
        ),
        (
            streams(1, 1, &"ä".repeat(129)),
            Some(
                "mediaMetadata.mediaStreams: alias of stream \"0\": a string of at most 128 characters is required",
            ),
        ),
        (sdp(SDP_LEN_MAX), None),
        (sdp(SDP_LEN_MAX + 1), Some("sdpOffer: longer than 262144 bytes")),
    ] {
        let frame = parse(&call_text("offerSdp", &params.to_string()));
        match refused {
            None => assert!(matches!(frame, Frame::Call(_)), "{frame:?}"),
            Some(sentence) => assert_eq!(summary(&frame), format!("1 -32602 {sentence}")),
        }
    }
}

#[test]
fn a_frame_may_have_a_mebibyte_and_not_a_byte_more() {
    let frame = |len: usize| {
        let frame = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
        format!("{frame}{}", " ".repeat(len - frame.len()))
    };
    assert_eq!(summary(&parse(&frame(FRAME_LEN_MAX))), "1 Ping");
    assert_eq!(
        summary(&parse(&frame(FRAME_LEN_MAX + 1))),
        "null -32600 the frame is longer than 1048576 bytes"
    );
}

#[test]
fn deep_nesting_is_skipped_without_a_stack() {
    let nested = "[".repeat(400_000) + &"]".repeat(400_000);
    for params in [nested.clone(), format!(r#"{{"sdpOffer":"v=0","more":{nested}}}"#)] {
        assert!(matches!(parse(&call_text("ping", &params)), Frame::Call(_)));
    }
    let offer = call_text("offerSdp", &format!(r#"{{"sdpOffer":"v=0","more":{nested}}}"#));
    assert_eq!(summary(&parse(&offer)), "1 offerSdp v=0 []");
    assert_eq!(summary(&parse(&nested)), "null -32600 not a JSON-RPC 2.0 request: batches are not taken");
}

#[test]
fn what_a_frame_holds_does_not_show_in_debug() {
    for frame in [
        r#"{"jsonrpc":"2.0","method":"deviceDiagnostics","params":{"logs":["secret"]}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"deviceDiagnostics","params":{"logs":["secret"]}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"offerSdp","params":{"sdpOffer":"a=ice-pwd:secret"}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"answerSdp","params":{"sdpAnswer":"a=ice-pwd:secret"}}"#,
    ] {
        let shown = format!("{:?} {:?}", parse(frame), crate::Confidential::from(frame));
        assert!(!shown.contains("secret"), "{shown}");
    }
}

#[test]
fn a_reply_has_a_result_or_an_error_and_never_both() {
    let id = CallId::null();
    assert_eq!(reply(&id, &Empty {}), r#"{"jsonrpc":"2.0","id":null,"result":{}}"#);
    assert_eq!(
        refuse(&id, &Refusal::Sdp("the offer has no \"m=\" line".to_owned())),
        r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32602,"message":"the offer has no \"m=\" line"}}"#
    );
}
