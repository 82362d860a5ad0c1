//! Whatever comes, [`parse`] says what it is, and what is refused can be told.

use crosspoint_signaling::rpc::{Frame, parse, refuse};
use proptest::prelude::*;
use serde_json::Value;

fn check(text: &str) {
    let frame = parse(text);
    if let Frame::Refused { id, refusal } = &frame {
        let reply: Value = serde_json::from_str(&refuse(id, refusal)).expect("a reply is JSON");
        assert_eq!(reply.as_object().map(serde_json::Map::len), Some(3), "{reply}");
    }
    if serde_json::from_str::<Value>(text).is_ok_and(|json| !json.is_object()) {
        assert!(matches!(frame, Frame::Refused { .. }), "{text}");
    }
}

fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f32>().prop_map(|number| format!("{number:?}")),
        any::<String>().prop_map(|text| Value::String(text).to_string()),
        Just(r#""2.0""#.to_owned()),
        Just(r#""offerSdp""#.to_owned()),
        Just(r#""\ud800""#.to_owned()),
    ];
    let key = prop_oneof![
        4 => prop::sample::select(vec![
            "jsonrpc", "id", "method", "params", "result", "sdpOffer", "sdpAnswer", "mediaMetadata", "mediaStreams",
            "alias",
        ])
        .prop_map(str::to_owned),
        1 => any::<String>(),
    ];
    leaf.prop_recursive(5, 40, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::vec((key.clone(), inner), 0..8).prop_map(|entries| {
                let entries =
                    entries.iter().map(|(key, value)| format!("{}:{value}", Value::from(key.as_str())));
                format!("{{{}}}", entries.collect::<Vec<_>>().join(","))
            }),
        ]
    })
}

proptest! {
    #[test]
    fn any_text_is_parsed(text in any::<String>()) {
        check(&text);
    }

    #[test]
    fn any_bytes_are_parsed(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        check(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn any_json_is_parsed(text in json()) {
        check(&text);
    }

    #[test]
    fn any_offer_is_parsed(params in json()) {
        check(&format!(r#"{{"jsonrpc":"2.0","id":1,"method":"offerSdp","params":{params}}}"#));
        check(&format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"offerSdp","params":{{"sdpOffer":"v=0","mediaMetadata":{params}}}}}"#
        ));
    }

    #[test]
    fn a_cut_frame_is_parsed(text in json(), cut in any::<prop::sample::Index>()) {
        if let Some(head) = text.get(..cut.index(text.len() + 1)) {
            check(head);
        }
    }
}
