use std::collections::HashSet;

use str0m::change::SdpOffer;

use super::*;

/// Offers of the browser package in Chromium, in the order of one call.
const DATA_ONLY: &str = include_str!("../../testdata/publish-offer-0-datachannel-only.sdp");
const AUDIO_ONLY: &str = include_str!("../../testdata/publish-offer-1-audio-only.sdp");
const AUDIO_VIDEO: &str = include_str!("../../testdata/publish-offer-1-audio-video.sdp");
const CAMERA_AND_SCREEN: &str = include_str!("../../testdata/publish-offer-2-camera-plus-screen.sdp");
const UNPUBLISHED: &str = include_str!("../../testdata/publish-offer-3-after-unpublish-camera.sdp");
const RECYCLED: &str = include_str!("../../testdata/publish-offer-4-republish-recycled.sdp");
const ALL_UNPUBLISHED: &str = include_str!("../../testdata/publish-offer-5-all-unpublished.sdp");
const ICE_RESTART: &str = include_str!("../../testdata/publish-offer-ice-restart.sdp");

fn summary(sdp: &str) -> Vec<String> {
    let offer = PublishOffer::parse(sdp).unwrap();
    offer
        .lines()
        .iter()
        .map(|line| match line {
            PublishLine::Application { mid } => format!("{mid} application"),
            PublishLine::Off { mid, reason } => format!("{mid} {reason:?}"),
            PublishLine::Idle { mid, formats } => format!("{mid} idle {:?}", formats.codec),
            PublishLine::Track(track) => {
                format!(
                    "{} {} {:?} {:?}",
                    track.mid,
                    &track.stream[..4],
                    track.formats.codec,
                    track.formats.payload_types
                )
            }
        })
        .collect()
}

#[test]
fn the_offers_of_a_call_are_read() {
    let audio = |mid, stream| format!("{mid} {stream} Opus [111, 110, 126]");
    let video = |mid, stream| format!("{mid} {stream} Vp8 [96, 97]");
    let application = || "0 application".to_owned();
    let rejected = |mid| format!("{mid} Rejected");
    assert_eq!(summary(DATA_ONLY), [application()]);
    assert_eq!(summary(AUDIO_ONLY), [application(), audio(1, "170e")]);
    assert_eq!(summary(AUDIO_VIDEO), [application(), audio(1, "1e80"), video(2, "1e80")]);
    let both = [application(), audio(1, "1e80"), video(2, "1e80"), video(3, "b1ef")];
    assert_eq!(summary(CAMERA_AND_SCREEN), both);
    assert_eq!(summary(UNPUBLISHED), [application(), rejected(1), rejected(2), video(3, "b1ef")]);
    assert_eq!(summary(RECYCLED), [application(), audio(4, "a8cf"), video(5, "a8cf"), video(3, "b1ef")]);
    assert_eq!(summary(ALL_UNPUBLISHED), [application(), rejected(4), rejected(5), rejected(3)]);
    assert_eq!(summary(ICE_RESTART), [application(), audio(1, "69ba"), video(2, "69ba")]);
}

#[test]
fn only_accepted_tracks_may_send_in_the_offer_that_is_applied() {
    let offer = PublishOffer::parse(CAMERA_AND_SCREEN).unwrap();
    let applied = offer.render(&HashSet::from(["2"]));
    let directions: Vec<&str> = applied
        .lines()
        .filter(|line| matches!(*line, "a=sendonly" | "a=inactive" | "a=sendrecv" | "a=recvonly"))
        .collect();
    assert_eq!(directions, ["a=inactive", "a=sendonly", "a=inactive"]);
    assert!(!applied.contains("AV1") && !applied.contains("H264") && !applied.contains("rid"));
    assert!(applied.contains("a=rtpmap:97 rtx/90000") && applied.contains("telephone-event/8000"));
    SdpOffer::from_sdp_string(&applied).unwrap();
}

#[test]
fn the_publishers_favourite_among_our_codecs_is_kept() {
    let h264_first = AUDIO_VIDEO.replace("SAVPF 96 97 102", "SAVPF 104 102 96 97");
    assert!(summary(&h264_first)[2].ends_with("H264(Baseline) [102, 103]"), "{:?}", summary(&h264_first));
    let none_of_ours = AUDIO_VIDEO
        .lines()
        .map(|line| if line.starts_with("m=video") { "m=video 9 UDP/TLS/RTP/SAVPF 45 46" } else { line })
        .collect::<Vec<_>>()
        .join("\r\n");
    assert_eq!(summary(&none_of_ours)[2], "2 NoCodec");
}

#[test]
fn broken_offers_are_refused_with_a_reason() {
    let line = |index, problem| SdpRefusal::MediaLine { index, problem };
    for (broken, refusal) in [
        (AUDIO_VIDEO.replace("a=mid:2\r\n", ""), line(2, "it has no a=mid")),
        (AUDIO_VIDEO.replace("a=mid:2", "a=mid:1"), line(2, "another one has the same mid")),
        (AUDIO_VIDEO.replace("a=mid:2", "a=mid:x y"), line(2, "its mid is not 1 to 16 letters and digits")),
        (AUDIO_VIDEO.replace("BUNDLE 0 1 2", "BUNDLE 0 1"), line(2, "it is not in the bundle")),
        (
            AUDIO_VIDEO.replace("m=video 9", "m=text 9"),
            line(2, "it is neither audio nor video nor application"),
        ),
        (AUDIO_VIDEO.replace("SAVPF 111", "SAVPF 400"), line(1, "a payload type is not a number below 128")),
        (
            AUDIO_VIDEO.replace("m=application 9", "m=application 0"),
            line(0, "data channels can't be switched off"),
        ),
        (AUDIO_VIDEO.replace("a=fingerprint:", "a=x-fingerprint:"), SdpRefusal::Missing("a=fingerprint")),
        (AUDIO_VIDEO.replace("a=ice-pwd:", "a=x-pwd:"), SdpRefusal::Missing("a=ice-ufrag and a=ice-pwd")),
    ] {
        let got = PublishOffer::parse(&broken).map(|_| ());
        assert_eq!(got, Err(refusal));
    }
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "(?s).{0,400}") {
        let _ = PublishOffer::parse(&text);
    }

    #[test]
    fn no_mutation_of_a_real_offer_panics(
        cut in 0..CAMERA_AND_SCREEN.len(),
        length in 0usize..60,
        filler in "[ -~\r\n]{0,20}",
    ) {
        let end = (cut + length).min(CAMERA_AND_SCREEN.len());
        let mutated = format!("{}{filler}{}", &CAMERA_AND_SCREEN[..cut], &CAMERA_AND_SCREEN[end..]);
        if let Ok(offer) = PublishOffer::parse(&mutated) {
            let mids = offer.lines().iter().map(PublishLine::mid).collect();
            let applied = offer.render(&mids);
            let _ = SdpOffer::from_sdp_string(&applied);
        }
    }
}
