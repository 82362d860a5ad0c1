//! One WebSocket of a device: frames in and out, pings, and the close at its end.
//!
//! What the frames mean is the business of the device's own task ([`device_task`](crate::device_task)).

use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use crosspoint_signaling::{Confidential, ConnectionId};
use futures_util::StreamExt;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior};

use crate::pace::Pace;

/// Frames that may wait for a slow client. When it is full the client is too slow: its socket is dropped.
pub(crate) const OUTGOING_MAX: usize = 64;
/// How often the client is asked whether it is there.
const PING_EVERY: Duration = Duration::from_secs(10);
/// A client that was silent for this long is gone. Not sooner: what it sent into a network that was down for a while comes
/// through after all as long as the socket is kept, and it would not send it again.
const SILENCE_MAX: Duration = Duration::from_secs(60);
/// How long writing one frame may take.
const WRITE_TIME_MAX: Duration = Duration::from_secs(10);

/// Close codes (RFC 6455 section 7.4.1).
const UNSUPPORTED_DATA: u16 = 1003;

/// The way to a client.
#[derive(Debug, Clone)]
pub(crate) struct Socket {
    pub(crate) connection: ConnectionId,
    pub(crate) outgoing: mpsc::Sender<Outgoing>,
}

/// What goes to a client.
#[derive(Debug)]
pub(crate) enum Outgoing {
    Text(Confidential),
    Ping([u8; 8]),
    Close { code: u16, reason: &'static str },
}

/// What comes from a client.
#[derive(Debug)]
pub(crate) enum Incoming {
    Frame { connection: ConnectionId, text: Confidential },
    Pong { connection: ConnectionId, payload: Vec<u8> },
    Detached { connection: ConnectionId, close_code: Option<u16> },
}

/// Carries frames until either side ends the socket. The last thing that goes to `incoming` is `Detached`.
pub(crate) async fn carry(
    mut socket: WebSocket,
    connection: ConnectionId,
    mut outgoing: mpsc::Receiver<Outgoing>,
    incoming: mpsc::Sender<Incoming>,
) {
    let close_code = exchange(&mut socket, connection, &mut outgoing, &incoming).await;
    // When the device's task is gone already, nobody needs to know.
    let _ = incoming.send(Incoming::Detached { connection, close_code }).await;
}

async fn exchange(
    socket: &mut WebSocket,
    connection: ConnectionId,
    outgoing: &mut mpsc::Receiver<Outgoing>,
    incoming: &mpsc::Sender<Incoming>,
) -> Option<u16> {
    let mut pings = tokio::time::interval(PING_EVERY);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut heard_at = Instant::now();
    let mut pace = Pace::new(heard_at);
    loop {
        let may_read = Instant::now() >= pace.next_at();
        tokio::select! {
            () = tokio::time::sleep_until(pace.next_at()), if !may_read => {}
            received = socket.next(), if may_read => {
                heard_at = Instant::now();
                if let Some(Ok(message)) = &received {
                    pace.pay(heard_at, length(message));
                }
                match received?.ok()? {
                    Message::Text(text) => {
                        let text = Confidential::from(text.as_str().to_owned());
                        incoming.send(Incoming::Frame { connection, text }).await.ok()?;
                    }
                    Message::Binary(_) => {
                        close(socket, UNSUPPORTED_DATA, "only text frames").await;
                        return None;
                    }
                    Message::Close(frame) => return frame.map(|frame| frame.code),
                    Message::Pong(payload) => {
                        let payload = payload.to_vec();
                        incoming.send(Incoming::Pong { connection, payload }).await.ok()?;
                    }
                    Message::Ping(_) => {}
                }
            }
            next = outgoing.recv() => match next {
                Some(Outgoing::Text(text)) => {
                    write(socket, Message::Text(text.into_string().into())).await?;
                }
                Some(Outgoing::Ping(payload)) => {
                    write(socket, Message::Ping(payload.to_vec().into())).await?;
                }
                Some(Outgoing::Close { code, reason }) => {
                    close(socket, code, reason).await;
                    return None;
                }
                // The device's task dropped this socket: it is too slow, or the task is gone.
                None => return None,
            },
            _ = pings.tick() => {
                if heard_at.elapsed() > SILENCE_MAX {
                    return None;
                }
                write(socket, Message::Ping(Vec::new().into())).await?;
            }
        }
    }
}

fn length(message: &Message) -> usize {
    match message {
        Message::Text(text) => text.len(),
        Message::Binary(payload) | Message::Ping(payload) | Message::Pong(payload) => payload.len(),
        Message::Close(_) => 0,
    }
}

async fn write(socket: &mut WebSocket, message: Message) -> Option<()> {
    tokio::time::timeout(WRITE_TIME_MAX, socket.send(message)).await.ok()?.ok()
}

/// Says goodbye and waits a moment for the client to say it too, so that it sees the code and not a broken line.
async fn close(socket: &mut WebSocket, code: u16, reason: &'static str) {
    let frame = CloseFrame { code, reason: reason.into() };
    let goodbye = async {
        write(socket, Message::Close(Some(frame))).await?;
        while let Some(Ok(message)) = socket.next().await {
            if let Message::Close(_) = message {
                break;
            }
        }
        Some(())
    };
    let _ = tokio::time::timeout(Duration::from_secs(1), goodbye).await;
}
