//! To count what a question costs takes no place with the engine, and has bounds of its own: it holds up no answer,
//! and who counts too much at once is told when to come back.

use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use http_body_util::BodyExt;
use serde_json::Value;

use crate::held::{CHAT, COUNT, held, sent};

/// What one client may count at once, those that wait included.
const AT_ONCE: usize = 16;

#[tokio::test]
async fn who_counts_too_much_at_once_is_told_to_come_back_and_holds_up_no_answer() {
    let (server, answerer) = held();
    let mut counts: FuturesUnordered<_> = (1..=40)
        .map(|width| {
            let (server, pictures) = (&server, [width]);
            async move { sent(server, COUNT, &pictures).await }
        })
        .collect();
    for _ in AT_ONCE..40 {
        let refused = counts.next().await.expect("a count");
        assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
        assert!(refused.headers().contains_key(RETRY_AFTER));
        let body = refused
            .into_body()
            .collect()
            .await
            .expect("a body")
            .to_bytes();
        let body: Value = serde_json::from_slice(&body).expect("JSON");
        assert_eq!(body["error"]["code"], "share_full");
    }
    let asked = sent(&server, CHAT, &[50]);
    let meanwhile = async {
        // Two of them are counted, and the question is no further behind than its own picture.
        answerer.until_it_has(3).await;
        answerer.go_on();
    };
    let counted = async {
        let ends: Vec<_> = counts.map(|end| end.status()).collect().await;
        assert_eq!(ends, [StatusCode::OK; AT_ONCE]);
    };
    let (answered, (), ()) = tokio::join!(asked, meanwhile, counted);
    assert_eq!(answered.status(), StatusCode::OK);
    assert_eq!(answerer.script.counted() as usize, AT_ONCE);
}
