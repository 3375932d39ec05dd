//! A response that holds something until its last byte has left: an answer that streams is running, and its request is
//! not over, as long as somebody reads it.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::response::Response;
use http_body::{Body as HttpBody, Frame, SizeHint};

/// A body, and what goes when it does.
struct Held<T> {
    body: Body,
    _held: T,
}

impl<T: Unpin> HttpBody for Held<T> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The same response, which holds this.
pub(crate) fn holding<T: Send + Unpin + 'static>(response: Response, held: Option<T>) -> Response {
    match held {
        None => response,
        Some(held) => response.map(|body| Body::new(Held { body, _held: held })),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn what_a_response_holds_goes_with_its_body() {
        let thing = Arc::new(());
        let response = Response::new(Body::from("words"));
        let response = holding(response, Some(thing.clone()));
        let (_, body) = response.into_parts();
        assert_eq!(body.size_hint().exact(), Some(5));
        assert_eq!(Arc::strong_count(&thing), 2);
        let read = body.collect().await.expect("words").to_bytes();
        assert_eq!((&read[..], Arc::strong_count(&thing)), (&b"words"[..], 1));
        // Also with one that nobody reads.
        drop(holding(
            Response::new(Body::from("words")),
            Some(thing.clone()),
        ));
        assert_eq!(Arc::strong_count(&thing), 1);
    }
}
