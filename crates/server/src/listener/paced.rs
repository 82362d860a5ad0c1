//! A connection's bytes, with bounds on the time that a client may take for them.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use super::bounds::Place;

/// What the connection is waiting for. Whoever answers requests sets it, the bytes follow it.
#[derive(Debug, Clone)]
pub(super) struct Phase(Arc<AtomicU8>);

/// A head is on its way, or should be.
const HEAD: u8 = 0;
/// A request is answered; how long its body may take is up to whoever reads it.
const ANSWER: u8 = 1;
/// The next request may come.
const IDLE: u8 = 2;

impl Phase {
    pub(super) fn new() -> Self {
        Self(Arc::new(AtomicU8::new(HEAD)))
    }

    /// A whole head is there. What becomes a WebSocket stays like this to its end.
    pub(super) fn answering(&self) {
        self.0.store(ANSWER, Ordering::Relaxed);
    }

    pub(super) fn answered(&self) {
        self.0.store(IDLE, Ordering::Relaxed);
    }

    fn get(&self) -> u8 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Reads and writes that fail with [`io::ErrorKind::TimedOut`] when a head takes too long to come, or a client takes
/// nothing of what waits for it.
#[derive(Debug)]
pub(super) struct Paced<T> {
    inner: T,
    phase: Phase,
    head_time_max: Duration,
    stall_time_max: Duration,
    head: Deadline,
    stall: Deadline,
    /// Given back with the connection.
    _place: Place,
}

impl<T> Paced<T> {
    pub(super) fn new(
        inner: T,
        phase: Phase,
        head_time_max: Duration,
        stall_time_max: Duration,
        place: Place,
    ) -> Self {
        let (head, stall) = (Deadline::default(), Deadline::default());
        Self { inner, phase, head_time_max, stall_time_max, head, stall, _place: place }
    }

    /// Ends a write that can't go on, once it waited for too long.
    fn stalled<R>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<R>>) -> Poll<io::Result<R>> {
        match written {
            Poll::Ready(result) => {
                self.stall.clear();
                Poll::Ready(result)
            }
            Poll::Pending => {
                ready!(self.stall.poll(cx, self.stall_time_max));
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
        }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Paced<T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let paced = self.get_mut();
        let read = Pin::new(&mut paced.inner).poll_read(cx, buf);
        match paced.phase.get() {
            ANSWER => paced.head.clear(),
            // The first byte of the next head.
            IDLE if read.is_ready() => paced.phase.0.store(HEAD, Ordering::Relaxed),
            IDLE => paced.head.clear(),
            // Bytes that drip in don't move the deadline.
            _ => {
                if paced.head.poll(cx, paced.head_time_max).is_ready() {
                    return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
                }
            }
        }
        read
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Paced<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let paced = self.get_mut();
        let written = Pin::new(&mut paced.inner).poll_write(cx, buf);
        paced.stalled(cx, written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let paced = self.get_mut();
        let written = Pin::new(&mut paced.inner).poll_write_vectored(cx, bufs);
        paced.stalled(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let paced = self.get_mut();
        let flushed = Pin::new(&mut paced.inner).poll_flush(cx);
        paced.stalled(cx, flushed)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let paced = self.get_mut();
        let shut = Pin::new(&mut paced.inner).poll_shutdown(cx);
        paced.stalled(cx, shut)
    }
}

/// A time from when something was first waited for.
#[derive(Debug, Default)]
struct Deadline(Option<Pin<Box<Sleep>>>);

impl Deadline {
    fn poll(&mut self, cx: &mut Context<'_>, after: Duration) -> Poll<()> {
        let sleep = self.0.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(Instant::now() + after)));
        sleep.as_mut().poll(cx)
    }

    fn clear(&mut self) {
        self.0 = None;
    }
}
