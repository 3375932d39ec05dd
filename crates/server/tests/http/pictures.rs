use std::convert::Infallible;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header::{AUTHORIZATION, CONTENT_LENGTH};
use axum::http::{Method, StatusCode};
use axum::response::Response;
use desk::testing::{png, unreadable_png};
use desk::{DeskLimits, PictureId};
use futures_util::StreamExt;
use futures_util::stream::{pending, repeat};
use server::Keys;
use server::access::keys::new_key;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tower::ServiceExt;

use crate::stage::{Stage, request, stage, stage_of, stage_with};

const MB: usize = 1024 * 1024;
const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn an_uploaded_picture_comes_back_byte_for_byte() {
    let stage = stage();
    let bytes = png(640, 480);
    let reply = stage.upload(bytes.clone()).await;
    assert_eq!(reply.status, StatusCode::CREATED);
    let view = reply.json();
    assert_eq!(view["id"], PictureId::of(&bytes).to_string());
    assert_eq!(
        (&view["width"], &view["height"]),
        (&640.into(), &480.into())
    );
    assert_eq!(view["bytes"], bytes.len());
    assert_eq!(view["tokens"], 20 * 15);
    assert_eq!(view["media_type"], "image/png");
    let back = stage
        .get(&format!("/api/pictures/{}", PictureId::of(&bytes)))
        .await;
    assert_eq!(back.body, bytes);
    assert_eq!(back.header("content-type"), "image/png");
    assert_eq!(
        back.header("content-security-policy"),
        "default-src 'none'; sandbox"
    );
    assert_eq!(back.header("x-content-type-options"), "nosniff");
}

#[tokio::test]
async fn a_picture_says_what_it_costs_at_each_detail() {
    let stage = stage();
    stage.upload(png(640, 480)).await;
    let path = format!("/api/pictures/{}/facts", PictureId::of(&png(640, 480)));
    for (wish, tokens) in [
        ("", 300),
        ("?image_tokens=64", 64),
        ("?image_tokens=256", 256),
        ("?image_tokens=99999", 300),
    ] {
        let reply = stage.get(&format!("{path}{wish}")).await;
        assert_eq!(reply.status, StatusCode::OK, "{wish}");
        assert_eq!(reply.json()["tokens"], tokens, "{wish}");
        assert_eq!(reply.json()["width"], 640);
    }
    let blind = stage.get(&format!("{path}?image_tokens=1")).await;
    assert_eq!(blind.code(), "setting_out_of_range");
    let unknown = PictureId::of(b"elsewhere");
    let unknown = stage.get(&format!("/api/pictures/{unknown}/facts")).await;
    assert_eq!(unknown.code(), "picture_unknown");
}

#[tokio::test]
async fn a_picture_the_browser_has_is_not_sent_again() {
    let stage = stage();
    stage.upload(png(3, 3)).await;
    let path = format!("/api/pictures/{}", PictureId::of(&png(3, 3)));
    let tag = stage.get(&path).await.header("etag").to_owned();
    let again = request(Method::GET, &path).header("if-none-match", tag);
    let reply = stage
        .send(again.body(Body::empty()).expect("a request"))
        .await;
    assert_eq!(reply.status, StatusCode::NOT_MODIFIED);
}

#[tokio::test]
async fn a_picture_the_desk_does_not_hold_is_not_found() {
    let stage = stage();
    let id = PictureId::of(b"elsewhere");
    let reply = stage.get(&format!("/api/pictures/{id}")).await;
    assert_eq!(reply.status, StatusCode::NOT_FOUND);
    assert_eq!(reply.code(), "picture_unknown");
    let reply = stage.get("/api/pictures/short").await;
    assert_eq!(reply.status, StatusCode::NOT_FOUND);
    assert_eq!(reply.code(), "not_found");
}

#[tokio::test]
async fn a_file_of_another_kind_is_unsupported_whatever_it_calls_itself() {
    let stage = stage();
    let request = request(Method::POST, "/api/pictures")
        .header("content-type", "image/png")
        .body("%PDF-1.7".into());
    let reply = stage.send(request.expect("a request")).await;
    assert_eq!(reply.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(reply.code(), "picture_type");
    assert_eq!(
        reply.json()["error"]["details"]["supported"][0],
        "image/png"
    );
}

#[tokio::test]
async fn a_damaged_picture_cannot_be_processed() {
    let reply = stage().upload(unreadable_png()).await;
    assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(reply.code(), "picture_unreadable");
}

fn small() -> DeskLimits {
    DeskLimits {
        picture_bytes: 1000,
        ..DeskLimits::default()
    }
}

#[tokio::test]
async fn an_oversized_picture_is_told_its_size_and_the_limit() {
    let stage = stage_with(small());
    let reply = stage.upload(vec![0; 1001]).await;
    assert_eq!(reply.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(reply.code(), "picture_too_large");
    let details = &reply.json()["error"]["details"];
    assert_eq!(
        (&details["bytes"], &details["limit"]),
        (&1001.into(), &1000.into())
    );
}

#[tokio::test]
async fn an_announced_giant_is_refused_before_its_body_is_read() {
    let stage = stage_with(small());
    let never = pending::<Result<Bytes, std::io::Error>>();
    let request = request(Method::POST, "/api/pictures")
        .header(CONTENT_LENGTH, u64::MAX)
        .body(Body::from_stream(never));
    let reply = stage.send(request.expect("a request")).await;
    assert_eq!(reply.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn a_body_without_end_or_size_is_stopped() {
    let stage = stage_with(small());
    let endless = repeat(()).map(|()| Ok::<_, std::io::Error>(Bytes::from_static(&[0; 100])));
    let request = request(Method::POST, "/api/pictures").body(Body::from_stream(endless));
    let reply = stage.send(request.expect("a request")).await;
    assert_eq!(reply.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(reply.code(), "picture_too_large");
}

#[tokio::test(start_paused = true)]
async fn an_upload_that_stops_half_way_times_out() {
    let stage = stage();
    let never = pending::<Result<Bytes, std::io::Error>>();
    let request = request(Method::POST, "/api/pictures").body(Body::from_stream(never));
    let reply = stage.send(request.expect("a request")).await;
    assert_eq!(reply.status, StatusCode::REQUEST_TIMEOUT);
    assert_eq!(reply.code(), "body_too_slow");
}

/// Sends an upload that announces so many bytes, in the name of a key.
fn send(stage: &Stage, key: &str, bytes: usize, body: Body) -> JoinHandle<Response> {
    let request = request(Method::POST, "/api/pictures")
        .header(CONTENT_LENGTH, bytes)
        .header(AUTHORIZATION, format!("Bearer {key}"))
        .body(body);
    let sent = ServiceExt::oneshot(stage.server.router(), request.expect("a request"));
    tokio::spawn(async { sent.await.expect("the router never fails") })
}

/// So many bytes, of which `at_once` come at once and then `a_second`.
fn paced(bytes: usize, at_once: usize, a_second: usize) -> Body {
    let body = futures_util::stream::unfold(0, move |sent| async move {
        let more = match sent {
            0 => at_once,
            _ if sent == bytes => 0,
            _ => {
                sleep(SECOND).await;
                a_second
            }
        };
        let more = more.min(bytes - sent);
        (more > 0).then(|| (Ok::<_, Infallible>(Bytes::from(vec![0; more])), sent + more))
    });
    Body::from_stream(body)
}

/// An upload that announces so many megabytes, sends two of them and then no more.
fn half_way(stage: &Stage, megabytes: usize) -> JoinHandle<Response> {
    let sent = repeat(()).take(2).map(|()| vec![0; MB]);
    let sent = sent.map(|megabyte| Ok::<_, Infallible>(Bytes::from(megabyte)));
    let body = Body::from_stream(sent.chain(pending()));
    send(stage, "", megabytes * MB, body)
}

/// A large picture that comes as slowly as is listened to.
fn slow(stage: &Stage, key: &str) -> JoinHandle<Response> {
    send(stage, key, 20 * MB, paced(20 * MB, 2 * MB, 20_000))
}

/// A desk that asks for keys, and the keys of so many clients.
fn stage_for<const CLIENTS: usize>() -> (Stage, [String; CLIENTS]) {
    let made = std::array::from_fn::<_, CLIENTS, _>(|client| {
        new_key(&format!("client-{client}")).expect("random bytes")
    });
    let lines = made.iter().map(|key| {
        let (line, _) = key.line.rsplit_once("  ").expect("limits");
        format!("{line} at_once=100\n")
    });
    let keys = Keys::parse(&lines.collect::<String>()).expect("keys");
    let stage = stage_of(DeskLimits::default(), |options| {
        options.keys = Some(keys.into());
    });
    (stage, made.map(|key| key.secret))
}

#[tokio::test(start_paused = true)]
async fn uploads_that_come_slowly_do_not_hold_up_others() {
    let stage = stage();
    let slow: Vec<_> = (0..40).map(|_| half_way(&stage, 3)).collect();
    sleep(SECOND).await;
    let before = Instant::now();
    assert_eq!(stage.upload(png(1, 1)).await.status, StatusCode::CREATED);
    assert!(before.elapsed() < SECOND);
    for upload in slow {
        let status = upload.await.expect("no panic").status();
        assert_eq!(status, StatusCode::REQUEST_TIMEOUT);
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_holds_all_the_room_it_may_leaves_others_theirs() {
    let (stage, [script, person, colleague]) = stage_for();
    let _held: Vec<_> = (0..40).map(|_| slow(&stage, &script)).collect();
    sleep(5 * SECOND).await;
    for key in [person, colleague] {
        let before = Instant::now();
        let body = paced(20 * MB, 20 * MB, 0);
        let reply = send(&stage, &key, 20 * MB, body).await.expect("no panic");
        // It is no picture, which only shows once there was room for all of it.
        assert_eq!(reply.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
        assert!(before.elapsed() < SECOND, "{:?}", before.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn uploads_for_which_there_is_no_room_are_asked_to_come_back() {
    let (stage, [script]) = stage_for();
    let mut held: Vec<_> = (0..8).map(|_| slow(&stage, &script)).collect();
    let before = Instant::now();
    let last = held.pop().expect("eight").await.expect("no panic");
    assert_eq!(last.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(last.headers()["retry-after"], "5");
    assert!(before.elapsed() >= 30 * SECOND, "{:?}", before.elapsed());
    // What is small needs no room.
    let small = send(&stage, &script, 10, paced(10, 10, 0));
    let small = small.await.expect("no panic").status();
    assert_eq!(small, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    // Who leaves gives back what it had.
    held.pop().expect("seven").abort();
    let next = send(&stage, &script, 20 * MB, paced(20 * MB, 20 * MB, 0));
    let next = next.await.expect("no panic").status();
    assert_eq!(next, StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

#[tokio::test(start_paused = true)]
async fn a_dozen_large_photographs_of_one_person_take_turns() {
    let stage = stage();
    let sent: Vec<_> = (0..12)
        .map(|_| send(&stage, "", 20 * MB, paced(20 * MB, 2 * MB, 3 * MB)))
        .collect();
    let before = Instant::now();
    for upload in sent {
        let status = upload.await.expect("no panic").status();
        assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
    assert!(before.elapsed() > 11 * SECOND, "nobody waited");
}

#[tokio::test(start_paused = true)]
async fn photographs_pass_over_the_slow_line_of_a_phone() {
    let stage = stage();
    // A megabit a second: the largest alone, and six usual ones at once.
    for (count, bytes, a_second) in [(1, 20 * MB, 125_000), (6, 4 * MB, 20_800)] {
        let sent: Vec<_> = (0..count)
            .map(|_| send(&stage, "", bytes, paced(bytes, a_second, a_second)))
            .collect();
        for upload in sent {
            let status = upload.await.expect("no panic").status();
            assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{bytes}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_upload_that_stands_still_before_its_end_does_not_live_on_what_came_before() {
    let stage = stage();
    let before = Instant::now();
    let reply = send(&stage, "", 20 * MB, paced(20 * MB, 19 * MB, 100)).await;
    let status = reply.expect("no panic").status();
    assert_eq!(status, StatusCode::REQUEST_TIMEOUT);
    assert!(before.elapsed() < 35 * SECOND, "{:?}", before.elapsed());
}

#[tokio::test(start_paused = true)]
async fn no_upload_holds_its_room_longer_than_a_slow_line_needs() {
    let stage = stage();
    let before = Instant::now();
    let status = slow(&stage, "").await.expect("no panic").status();
    assert_eq!(status, StatusCode::REQUEST_TIMEOUT);
    assert!(before.elapsed() < 301 * SECOND, "{:?}", before.elapsed());
}

#[tokio::test(start_paused = true)]
async fn an_upload_that_trickles_does_not_hold_its_place() {
    let stage = stage();
    let trickle = futures_util::stream::unfold((), async |()| {
        tokio::time::sleep(std::time::Duration::from_secs(5)).await;
        Some((Ok::<_, std::io::Error>(Bytes::from_static(b"x")), ()))
    });
    let started = tokio::time::Instant::now();
    let request = request(Method::POST, "/api/pictures").body(Body::from_stream(trickle));
    let reply = stage.send(request.expect("a request")).await;
    assert_eq!(reply.code(), "body_too_slow");
    assert!(started.elapsed() < std::time::Duration::from_secs(12));
}
