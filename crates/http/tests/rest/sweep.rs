//! Every route with every method, with and without credentials. A route that is not swept fails the first test.

use axum::body::Body;
use crosspoint_http::ROUTES;

use crate::stage::{DISABLED, NOBODY, Stage, THEM, US, basic, request};

/// Every operation, and its status when all is well.
const OPERATIONS: [(&str, &str, u16); 18] = [
    ("POST", "/sessions", 200),
    ("GET", "/sessions", 200),
    ("GET", "/sessions/{sessionId}", 200),
    ("DELETE", "/sessions/{sessionId}", 204),
    ("GET", "/sessions/{sessionId}/participants", 200),
    ("PUT", "/sessions/{sessionId}/participants/{participantId}", 204),
    ("DELETE", "/sessions/{sessionId}/participants/{participantId}", 204),
    ("GET", "/sessions/{sessionId}/participants/{participantId}/subscriptions", 200),
    ("PUT", "/sessions/{sessionId}/participants/{participantId}/subscriptions", 204),
    ("GET", "/sessions/{sessionId}/subscriptions", 200),
    ("PUT", "/sessions/{sessionId}/subscriptions", 204),
    ("POST", "/participants", 200),
    ("GET", "/participants", 200),
    ("GET", "/participants/{participantId}", 200),
    ("DELETE", "/participants/{participantId}", 204),
    ("GET", "/participants/{participantId}/streams", 200),
    ("POST", "/participants/{participantId}/token", 200),
    ("GET", "/events", 200),
];
const BASES: [&str; 2] = ["", "/v1"];

fn fill(template: &str, session: &str, participant: &str) -> String {
    template.replace("{sessionId}", session).replace("{participantId}", participant)
}

#[test]
fn no_route_is_missing_here() {
    let mut listed: Vec<_> = OPERATIONS.iter().map(|(method, template, _)| (*template, *method)).collect();
    let mut served: Vec<_> = ROUTES
        .iter()
        .flat_map(|(template, methods)| methods.iter().map(|method| (*template, *method)))
        .collect();
    listed.sort_unstable();
    served.sort_unstable();
    assert_eq!(listed, served);
}

#[tokio::test]
async fn every_operation_works_under_both_base_paths() {
    for base in BASES {
        for (method, template, status) in OPERATIONS {
            let stage = Stage::new();
            let session = stage.session().await;
            let participant = stage.member(&session).await;
            let path = fill(template, &session, &participant);
            let path = format!("{base}/accounts/{}{path}", US.0);
            stage.send(request(method, &path, Some(US), Body::empty())).await.is(status);
        }
    }
}

#[tokio::test]
async fn without_the_accounts_own_credentials_every_operation_says_the_same() {
    let stage = Stage::new();
    let session = stage.session().await;
    let participant = stage.member(&session).await;
    stage.commands();
    let strangers = [
        None,
        Some((US.0, "dev", "wrong")),
        Some((US.0, "nobody", "pass:word")),
        Some((US.0, "", "")),
        Some(THEM),
        Some(DISABLED),
    ];
    for base in BASES {
        for (method, template, _) in OPERATIONS {
            let ours = fill(template, &session, &participant);
            let odd = fill(template, "x", "%00");
            for path in [ours, odd] {
                for account in [US.0, "unknown", "%39900000", "a%2Fb", "ä"] {
                    for stranger in strangers {
                        for body in ["", "not JSON"] {
                            let path = format!("{base}/accounts/{account}{path}");
                            let answer = stage.send(request(method, &path, stranger, body)).await.is(401);
                            let mut names: Vec<_> = answer.headers.keys().map(|name| name.as_str()).collect();
                            names.sort_unstable();
                            assert_eq!(
                                names,
                                ["content-length", "content-type", "www-authenticate", "x-request-id"]
                            );
                        }
                    }
                }
            }
        }
    }
    assert_eq!(stage.commands(), []);
}

#[tokio::test]
async fn a_disabled_account_is_told_so_to_its_own_users_only() {
    let stage = Stage::new();
    for (method, template, _) in OPERATIONS {
        let path = format!("/accounts/{}{}", DISABLED.0, fill(template, NOBODY, NOBODY));
        let answer = stage.send(request(method, &path, Some(DISABLED), "not JSON")).await.is(403);
        assert_eq!(answer.json()["message"], "the account is disabled");
        stage.send(request(method, &path, Some(US), "")).await.is(401);
    }
    assert_eq!(stage.commands(), []);
}

#[tokio::test]
async fn other_methods_are_told_which_there_are() {
    let stage = Stage::new();
    for (template, methods) in ROUTES {
        for method in ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"] {
            if methods.contains(&method) {
                continue;
            }
            let answer = stage.by(US, method, &fill(template, NOBODY, "x"), "not JSON").await;
            let answer = answer.names(405, methods[0]);
            let mut allowed: Vec<&str> = answer.header("allow").unwrap().split(", ").collect();
            let mut expected = methods.to_vec();
            if methods.contains(&"GET") {
                expected.push("HEAD");
            }
            allowed.sort_unstable();
            expected.sort_unstable();
            assert_eq!(allowed, expected, "{template}");
        }
    }
}

#[tokio::test]
async fn ids_of_any_shape_that_nobody_has_are_not_found() {
    let stage = Stage::new();
    let session = stage.session().await;
    let participant = stage.member(&session).await;
    stage.commands();
    let long = "9".repeat(8_000);
    let upper = session.to_uppercase();
    let encoded = format!("%{:02x}{}", session.as_bytes()[0], &session[1..]);
    let odd = [
        NOBODY,
        "1",
        "null",
        "undefined",
        "%00",
        "%2F",
        "%2e%2e",
        "%",
        "%zz",
        "..",
        "ä",
        "a%20b",
        "{sessionId}",
        "'",
        "-1",
        &long,
        &upper,
        &encoded,
    ];
    for (method, template, _) in OPERATIONS.iter().filter(|(_, template, _)| template.contains('{')) {
        for id in odd {
            stage.ask(method, &fill(template, id, id)).await.is(404);
            if template.contains("{sessionId}") {
                stage.ask(method, &fill(template, id, &participant)).await.is(404);
            }
            // In the matrix nobody is named, and nothing else has an odd participant only.
            if template.contains("{participantId}") {
                stage.ask(method, &fill(template, &session, id)).await.is(404);
            }
        }
    }
    // A body that is no JSON doesn't make an odd id less unknown.
    for (method, template, _) in OPERATIONS.iter().filter(|(method, ..)| *method == "PUT") {
        stage.by(US, method, &fill(template, "x", "x"), "not JSON").await.is(404);
    }
}

#[tokio::test]
async fn when_the_server_cannot_every_operation_says_when_to_come_back() {
    let stage = Stage::new();
    stage.refuse(crosspoint_model::Refusal::Unavailable);
    for (method, template, _) in OPERATIONS {
        let answer = stage.ask(method, &fill(template, NOBODY, NOBODY)).await.is(503);
        assert_eq!(answer.header("retry-after"), Some("1"));
    }
}

#[tokio::test]
async fn credentials_are_taken_in_utf_8_and_latin_1() {
    let accounts = crosspoint_http::Accounts::new([crosspoint_http::Credential {
        account: US.0.parse().unwrap(),
        user: "jürgen".into(),
        password: "straße".into(),
    }]);
    let control = Stage::new().control;
    let tokens = crosspoint_token::TokenKey::new(crate::stage::SECRET);
    let router = crosspoint_http::router(std::sync::Arc::clone(&control), accounts, tokens);
    let stage = Stage { router, control };
    for (pair, status) in [
        ("jürgen:straße".as_bytes(), 200),
        (b"j\xfcrgen:stra\xdfe", 200),
        (b"jurgen:strasse", 401),
        (b"j\xfcrgen:stra\xdf", 401),
    ] {
        let mut request = request("POST", "/accounts/9900000/sessions", None, "");
        request.headers_mut().insert("authorization", basic(pair).parse().unwrap());
        stage.send(request).await.is(status);
    }
}
