//! A connection that is given up when its client stops taking what it asked for: it would hold a
//! place forever.

use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// A stream whose writes may not stand still.
pub(crate) struct Timed<S> {
    stream: S,
    pause: Duration,
    /// Runs while a write waits.
    waiting: bool,
    clock: Pin<Box<Sleep>>,
}

impl<S> Timed<S> {
    pub fn new(stream: S, pause: Duration) -> Self {
        Self {
            stream,
            pause,
            waiting: false,
            clock: Box::pin(sleep(pause)),
        }
    }

    /// Lets a finished write pass and times one that waits.
    fn timed<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.waiting = false;
            return written;
        }
        if !self.waiting {
            self.waiting = true;
            let until = Instant::now() + self.pause;
            self.clock.as_mut().reset(until);
        }
        ready!(self.clock.as_mut().poll(cx));
        Poll::Ready(Err(ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Timed<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Timed<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.timed(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.timed(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.timed(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.timed(cx, shut)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_nothing_is_given_up_and_a_slow_one_is_not() {
        let pause = Duration::from_secs(60);
        let (near, mut far) = duplex(4);
        let mut timed = Timed::new(near, pause);
        let writing = tokio::spawn(async move {
            let told = timed.write_all(b"twelve bytes").await;
            (told, timed.write_all(b"and more").await)
        });
        let mut word = [0; 4];
        for _ in 0..3 {
            sleep(pause / 2).await;
            far.read_exact(&mut word).await.expect("bytes");
        }
        sleep(pause * 2).await;
        let (slow, stuck) = writing.await.expect("no panic");
        assert!(slow.is_ok());
        assert_eq!(stuck.expect_err("nobody reads").kind(), ErrorKind::TimedOut);
    }
}
