//! Listings in parts, newest first.

use axum::body::Body;

use crate::stage::{Answer, Stage, THEM, US, request};

fn ids(answer: &Answer) -> Vec<String> {
    let list = answer.json();
    list.as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
}

/// The path of the next part.
fn next(answer: &Answer) -> Option<String> {
    let (path, rest) = answer.header("link")?.strip_prefix('<')?.split_once('>')?;
    assert_eq!(rest, "; rel=\"next\"");
    Some(path.to_owned())
}

async fn make(stage: &Stage, kind: &str, count: usize) -> Vec<String> {
    let mut made = Vec::new();
    for _ in 0..count {
        made.push(match kind {
            "sessions" => stage.session().await,
            _ => stage.participant().await,
        });
    }
    made.reverse();
    made
}

#[tokio::test]
async fn the_links_lead_through_all_newest_first() {
    for kind in ["sessions", "participants"] {
        for base in ["/accounts/9900000", "/v1/accounts/9900000", "//v1///accounts//9900000/"] {
            for (limit, parts) in [(1, 7), (2, 4), (3, 3), (6, 2), (7, 1), (8, 1), (1_000, 1)] {
                let stage = Stage::new();
                let made = make(&stage, kind, 7).await;
                stage.by(THEM, "POST", &format!("/{kind}"), Body::empty()).await.is(200);
                let mut read = Vec::new();
                let mut path = Some(format!("{base}/{kind}?limit={limit}"));
                let mut count = 0;
                while let Some(this) = path {
                    let answer = stage.send(request("GET", &this, Some(US), Body::empty())).await.is(200);
                    read.extend(ids(&answer));
                    path = next(&answer);
                    count += 1;
                    if let Some(next) = &path {
                        let kept = if base.contains("v1") { "/v1/accounts/" } else { "/accounts/" };
                        assert!(next.starts_with(kept), "{next}");
                        assert!(next.contains(&format!("limit={limit}&after=")), "{next}");
                    }
                }
                assert_eq!((read, count), (made, parts), "{kind} by {limit}");
            }
        }
    }
}

#[tokio::test]
async fn what_comes_and_goes_meanwhile_moves_nothing() {
    let stage = Stage::new();
    let made = make(&stage, "participants", 5).await;
    let first = stage.ask("GET", "/participants?limit=2").await.is(200);
    assert_eq!(ids(&first), made[..2]);
    stage.participant().await;
    stage.ask("DELETE", &format!("/participants/{}", made[1])).await.is(204);
    stage.ask("DELETE", &format!("/participants/{}", made[2])).await.is(204);
    let path = next(&first).unwrap();
    let second = stage.send(request("GET", &path, Some(US), Body::empty())).await.is(200);
    assert_eq!(ids(&second), made[3..]);
}

#[tokio::test]
async fn without_any_the_listing_is_empty() {
    let stage = Stage::new();
    for kind in ["/sessions", "/participants"] {
        let answer = stage.ask("GET", kind).await.is(200);
        assert_eq!((answer.text.as_str(), answer.header("link")), ("[]", None));
    }
}

#[tokio::test]
async fn a_part_that_cannot_be_is_refused_by_name() {
    let stage = Stage::new();
    for kind in ["/sessions", "/participants"] {
        for (query, name) in [
            ("limit=0", "limit"),
            ("limit=1001", "limit"),
            ("limit=", "limit"),
            ("limit=ten", "limit"),
            ("limit=-1", "limit"),
            ("after=", "after"),
            ("after=garbage", "after"),
            ("after=%00", "after"),
            ("limit=1&after=AAAA", "after"),
        ] {
            stage.ask("GET", &format!("{kind}?{query}")).await.names(400, name);
        }
        stage.ask("GET", &format!("{kind}?unknown=1&limit=5&x")).await.is(200);
    }
}

#[tokio::test]
async fn elsewhere_a_query_says_nothing() {
    let stage = Stage::new();
    let session = stage.session().await;
    stage.ask("GET", &format!("/sessions/{session}?limit=0&after=garbage")).await.is(200);
    stage.ask("POST", "/sessions?limit=0").await.is(200);
}
