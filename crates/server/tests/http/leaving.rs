//! A client that leaves takes its work along: of its pictures, those that are not decoded yet never are.

use axum::http::StatusCode;

use crate::held::{CHAT, COUNT, Held, held, sent, until};

/// Lets this client leave while its first picture is being decoded.
async fn leaves(answerer: &Held, asking: impl Future) {
    tokio::select! {
        _ = asking => panic!("its pictures are held"),
        () = answerer.until_it_has(1) => {}
    }
    // It has left by now.
    answerer.go_on();
}

#[tokio::test]
async fn of_a_client_that_leaves_no_second_picture_is_decoded() {
    let (server, answerer) = held();
    leaves(&answerer, sent(&server, CHAT, &[1, 2, 3])).await;
    // Its place is given back once nothing is done for it any more.
    until(|| answerer.script.places_taken() == 0).await;
    assert_eq!(answerer.script.inspected(), 1);
    assert!(answerer.script.asked().is_empty());
    let next = sent(&server, CHAT, &[4, 5]).await;
    assert_eq!(next.status(), StatusCode::OK);
    assert_eq!(answerer.script.inspected(), 3);
}

#[tokio::test]
async fn what_nobody_waits_for_is_not_counted() {
    let (server, answerer) = held();
    leaves(&answerer, sent(&server, COUNT, &[1, 2, 3])).await;
    // Turns are taken in the order of asking, and there are two for counting.
    for width in 4..8 {
        let next = sent(&server, COUNT, &[width]).await;
        assert_eq!(next.status(), StatusCode::OK);
    }
    assert_eq!(answerer.script.counted(), 4);
    assert_eq!(answerer.script.inspected(), 5);
}
