//! The records over HTTP: conversations, roles, figures, exports and imports, pictures.

use axum::body::Body;
use axum::http::{Method, StatusCode};
use desk::DeskLimits;
use desk::testing::{delta, done, png};
use serde_json::{Value, json};

use crate::stage::{Reply, Stage, request, stage, stage_of};

#[tokio::test]
async fn a_conversation_is_begun_named_judged_binned_brought_back_and_deleted_for_good() {
    let stage = stage();
    let begun = stage
        .post("/api/conversations", &json!({"customer": "Li"}))
        .await;
    assert_eq!(begun.status, StatusCode::CREATED);
    let id = begun.json()["id"].as_str().expect("an id").to_owned();
    let path = format!("/api/conversations/{id}");
    let change = json!({"title": "Router", "pinned": true, "verdict": "solved", "customer": null});
    let changed = stage.json(Method::PATCH, &path, &change).await.json();
    assert_eq!(
        (&changed["title"], &changed["verdict"]),
        (&json!("Router"), &json!("solved"))
    );
    assert_eq!(changed["customer"], Value::Null);

    let listed = async |query: &str| {
        let page = stage
            .get(&format!("/api/conversations{query}"))
            .await
            .json();
        page["conversations"].as_array().expect("a list").len()
    };
    assert_eq!(listed("").await, 1);
    assert_eq!(listed("?pinned=true&verdict=solved&limit=10").await, 1);
    assert_eq!(stage.delete(&path).await.status, StatusCode::NO_CONTENT);
    assert_eq!((listed("").await, listed("?deleted=true").await), (0, 1));
    let in_bin = stage
        .post(&format!("{path}/rounds"), &json!({"question": "?"}))
        .await;
    assert_eq!(
        (in_bin.status, in_bin.code()),
        (StatusCode::CONFLICT, "conversation_deleted".into())
    );
    let restored = stage.post(&format!("{path}/restore"), &json!({})).await;
    assert_eq!(restored.json()["deleted_at"], Value::Null);
    assert_eq!(listed("").await, 1);
    let gone = stage.delete(&format!("{path}?for_good=true")).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    let reply = stage.get(&path).await;
    assert_eq!(
        (reply.status, reply.code()),
        (StatusCode::NOT_FOUND, "conversation_unknown".into())
    );
    assert_eq!(
        stage.get("/api/audit").await.json()[0]["action"],
        "delete_conversation"
    );
}

#[tokio::test]
async fn an_address_that_asks_for_something_unknown_is_told_so() {
    let stage = stage();
    for path in [
        "/api/conversations?serch=x",
        "/api/conversations?limit=many",
        "/api/conversations?verdict=lost",
        "/api/insights?from=yesterday",
        "/api/export?format=xml",
        "/api/pictures/0000000000000000000000000000000000000000000000000000000000000000/thumbnail?edge=-1",
    ] {
        let reply = stage.get(path).await;
        assert_eq!(
            (reply.status, reply.code()),
            (StatusCode::BAD_REQUEST, "invalid_field".into()),
            "{path}"
        );
    }
    for path in [
        "/api/conversations/1",
        "/api/conversations/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "/api/pictures/..%2f..%2flookdesk.db",
        "/api/pictures/..%2f..%2flookdesk.db/thumbnail",
        "/api/pictures/ab%00/thumbnail",
    ] {
        let reply = stage.get(path).await;
        assert_eq!(
            (reply.status, reply.code()),
            (StatusCode::NOT_FOUND, "not_found".into()),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_team_has_its_own_roles_beside_the_standard_ones() {
    let stage = stage();
    let standard = stage.get("/api/roles").await.json();
    assert!(
        standard.as_array().is_some_and(|roles| roles.len() >= 2),
        "{standard}"
    );
    assert_eq!(standard[0]["standard"], true);
    let added = stage
        .post("/api/roles", &json!({"name": "Brief", "text": "Be brief."}))
        .await;
    assert_eq!(added.status, StatusCode::CREATED);
    let path = format!("/api/roles/{}", added.json()["id"].as_str().expect("an id"));
    let changed = stage
        .json(Method::PATCH, &path, &json!({"text": "Be very brief."}))
        .await;
    assert_eq!(changed.json()["text"], "Be very brief.");
    assert_eq!(stage.delete(&path).await.status, StatusCode::NO_CONTENT);
    assert_eq!(stage.delete(&path).await.code(), "role_unknown");
    let path = format!("/api/roles/{}", standard[0]["id"].as_str().expect("an id"));
    assert_eq!(stage.delete(&path).await.code(), "role_standard");
}

/// A stage with one answered question of a customer about a picture.
async fn answered() -> Stage {
    let stage = stage();
    let begun = stage
        .post("/api/conversations", &json!({"customer": "李 & Co"}))
        .await
        .json();
    let picture = stage.upload(png(64, 64)).await.json()["id"].clone();
    stage.answerer.will_say([delta("E102"), done()]);
    let question = json!({"question": "错误码是什么？", "pictures": [picture]});
    stage
        .round(begun["id"].as_str().expect("an id"), &question)
        .await;
    stage
}

#[tokio::test]
async fn what_is_asked_is_found_counted_and_forgotten_with_its_customer() {
    let stage = answered().await;
    let page = stage
        .get("/api/conversations?query=%E9%94%99%E8%AF%AF")
        .await
        .json();
    let hit = &page["conversations"][0];
    assert_eq!(hit["title"], "错误码是什么？");
    assert!(hit["snippet"]["text"].is_string(), "{hit}");
    let figures = stage.get("/api/insights?utc_offset_minutes=480").await;
    assert_eq!(figures.json()["questions"], 1, "{}", figures.text());
    assert_eq!(stage.get("/api/customers").await.json(), json!(["李 & Co"]));
    let picture = hit["picture"].as_str().expect("a picture");
    // What there is of a customer is looked at first; a name written otherwise is offered, not taken.
    let known = stage
        .get("/api/customers/%E6%9D%8E%20%26%20Co")
        .await
        .json();
    assert_eq!(
        known,
        json!({
            "name": "李 & Co", "conversations": 1, "alike": [], "linked": [], "importing": false,
        })
    );
    let unsure = stage.delete("/api/customers/%E6%9D%8E%26co").await;
    assert_eq!(unsure.code(), "customer_unknown");
    assert_eq!(
        unsure.json()["error"]["details"]["alike"],
        json!(["李 & Co"])
    );
    // What is linked is deleted as it was seen, or not at all.
    let customer = "/api/customers/%E6%9D%8E%20%26%20Co";
    let follow = json!({"follows": hit["id"]});
    let linked = stage.post("/api/conversations", &follow).await.json();
    let linked = linked["id"].as_str().expect("an id");
    let seen = stage.get(customer).await.json();
    assert_eq!(seen["linked"][0]["id"], linked);
    let further = stage.post("/api/conversations", &follow).await.json();
    let further = further["id"].as_str().expect("an id");
    let changed = stage.delete(&format!("{customer}?linked={linked}")).await;
    assert_eq!(changed.status, StatusCode::CONFLICT, "{}", changed.text());
    assert_eq!(changed.code(), "linked_changed");
    let now = &changed.json()["error"]["details"]["linked"];
    assert_eq!(now.as_array().expect("ids").len(), 2, "{now}");
    let all = stage.delete(&format!("{customer}?linked=true")).await;
    assert_eq!(all.status, StatusCode::BAD_REQUEST, "{}", all.text());
    let seen = format!("{customer}?linked={further}%2C{linked}");
    let gone = stage.delete(&seen).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT, "{}", gone.text());
    assert_eq!(stage.get("/api/customers").await.json(), json!([]));
    assert!(
        stage
            .conversations
            .records()
            .picture(picture.parse().expect("an id"))
            .await
            .expect("asked")
            .is_none()
    );
    assert_eq!(
        stage.delete("/api/customers/nobody").await.code(),
        "customer_unknown"
    );
}

async fn import(stage: &Stage, body: impl Into<Body>) -> Reply {
    let request = request(Method::POST, "/api/import").header("content-type", "application/json");
    stage
        .send(request.body(body.into()).expect("a request"))
        .await
}

#[tokio::test]
async fn what_goes_out_comes_in_elsewhere_once() {
    let from = answered().await;
    let exported = from.get("/api/export").await;
    assert_eq!(exported.status, StatusCode::OK);
    assert_eq!(exported.header("content-type"), "application/json");
    let to = stage();
    let came = import(&to, exported.body.clone()).await;
    assert_eq!(came.status, StatusCode::OK, "{}", came.text());
    let all = json!({"conversations": 1, "rounds": 1, "answers": 1, "pictures": 1, "skipped": 0,
        "damaged_pictures": 0, "damaged": []});
    assert_eq!(came.json(), all);
    let again = import(&to, exported.body).await.json();
    assert_eq!(
        (&again["conversations"], &again["skipped"]),
        (&json!(0), &json!(1))
    );
    let list = |reply: Reply| reply.json()["conversations"][0].clone();
    let path = "/api/conversations";
    assert_eq!(list(from.get(path).await), list(to.get(path).await));
    let picture = list(to.get(path).await)["picture"].clone();
    let picture = to
        .get(&format!(
            "/api/pictures/{}",
            picture.as_str().expect("an id")
        ))
        .await;
    assert_eq!(picture.body, png(64, 64));
    let table = from.get("/api/export?format=csv&pictures=hash").await;
    assert_eq!(table.header("content-type"), "text/csv; charset=utf-8");
    assert!(table.text().contains("E102"), "{}", table.text());
}

#[tokio::test]
async fn a_saved_file_is_called_after_what_is_in_it() {
    let stage = answered().await;
    let id = stage.get("/api/conversations").await.json()["conversations"][0]["id"].clone();
    let id = id.as_str().expect("an id");
    let title = json!({"title": "AX73 / 路由器"});
    let path = format!("/api/conversations/{id}");
    assert_eq!(
        stage.json(Method::PATCH, &path, &title).await.status,
        StatusCode::OK
    );
    let called = async |query: &str| {
        let reply = stage.get(&format!("/api/export?{query}")).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
        reply.header("content-disposition").to_owned()
    };
    let today = desk::records::day_of(desk::records::now(), 0);
    assert_eq!(
        called(&format!("conversation={id}&pictures=hash")).await,
        format!(
            "attachment; filename=\"AX73_{today}.json\"; \
             filename*=UTF-8''AX73%20%E8%B7%AF%E7%94%B1%E5%99%A8_{today}.json"
        )
    );
    // Days are those of the reader's clock.
    let winter = "from=1795215600000&to=1795302000000&utc_offset_minutes=60";
    assert_eq!(
        called(&format!("format=csv&{winter}")).await,
        "attachment; filename=\"lookdesk_2026-11-21_2026-11-21.csv\"; \
         filename*=UTF-8''lookdesk_2026-11-21_2026-11-21.csv"
    );
    assert!(called("").await.contains(&format!("lookdesk_{today}.json")));
    let nowhere = stage.get("/api/export?utc_offset_minutes=1081").await;
    assert_eq!(nowhere.code(), "field_out_of_range");
}

#[tokio::test]
async fn an_import_is_bounded_plain_and_an_export_of_ours() {
    let stage = stage_of(DeskLimits::default(), |options| {
        options.records.import_bytes = 1000
    });
    let large = import(&stage, " ".repeat(1001)).await;
    assert_eq!(
        (large.status.as_u16(), large.code()),
        (413, "import_too_large".into())
    );
    for unfit in [
        "",
        "{",
        "[]",
        "{}",
        "null",
        "{\"conversations\": []}",
        &"[".repeat(999),
    ] {
        let reply = import(&stage, unfit.to_owned()).await;
        assert_eq!(
            (reply.status.as_u16(), reply.code()),
            (400, "import_unfit".into()),
            "{unfit}"
        );
    }
    let packed = request(Method::POST, "/api/import")
        .header("content-type", "application/json")
        .header("content-encoding", "gzip");
    let reply = stage
        .send(packed.body(Body::from("x")).expect("a request"))
        .await;
    assert_eq!(
        (reply.status.as_u16(), reply.code()),
        (415, "body_packed".into())
    );
    let strange = request(Method::POST, "/api/import").body(Body::from("{}"));
    assert_eq!(
        stage.send(strange.expect("a request")).await.code(),
        "not_json"
    );
}

#[tokio::test]
async fn another_sites_page_cannot_cause_an_export() {
    let stage = stage();
    for (site, status) in [
        ("cross-site", 403),
        ("same-site", 403),
        ("same-origin", 200),
    ] {
        let request = request(Method::GET, "/api/export").header("sec-fetch-site", site);
        let reply = stage
            .send(request.body(Body::empty()).expect("a request"))
            .await;
        assert_eq!(reply.status.as_u16(), status, "{site}");
    }
}

#[tokio::test]
async fn no_body_is_unpacked_anywhere() {
    let stage = stage();
    for path in [
        "/api/pictures",
        "/api/answers",
        "/api/conversations",
        "/v1/chat/completions",
    ] {
        let packed = request(Method::POST, path)
            .header("content-type", "application/json")
            .header("content-encoding", "gzip");
        let reply = stage
            .send(packed.body(Body::from("{}")).expect("a request"))
            .await;
        assert_eq!(reply.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{path}");
    }
}

#[tokio::test]
async fn a_thumbnail_is_one_of_few_sizes_and_need_not_be_sent_twice() {
    let stage = stage();
    let id = stage.upload(png(64, 64)).await.json()["id"].clone();
    let id = id.as_str().expect("an id");
    for (edge, made) in [
        ("", 160),
        ("?edge=1", 160),
        ("?edge=161", 320),
        ("?edge=4000", 640),
    ] {
        let path = format!("/api/pictures/{id}/thumbnail{edge}");
        let reply = stage.get(&path).await;
        assert_eq!(reply.text(), format!("{id} at {made}"));
        assert_eq!(reply.header("content-type"), "image/jpeg");
        assert_eq!(
            reply.header("content-security-policy"),
            "default-src 'none'; sandbox"
        );
        let known = request(Method::GET, &path).header("if-none-match", reply.header("etag"));
        let known = stage
            .send(known.body(Body::empty()).expect("a request"))
            .await;
        assert_eq!(
            (known.status, known.body.len()),
            (StatusCode::NOT_MODIFIED, 0)
        );
    }
    let nobody = "0".repeat(64);
    let reply = stage
        .get(&format!("/api/pictures/{nobody}/thumbnail"))
        .await;
    assert_eq!(reply.code(), "picture_unknown");
}
