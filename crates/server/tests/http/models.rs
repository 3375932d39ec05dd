use axum::http::StatusCode;
use desk::DeskLimits;

use crate::stage::stage_of;

#[tokio::test]
async fn every_name_of_the_model_is_listed_and_found() {
    let stage = stage_of(DeskLimits::default(), |options| {
        options.aliases = vec!["gpt-4o".into(), "Qwen/Qwen3-VL".into()];
    });
    let list = stage.get("/v1/models").await.json();
    assert_eq!(list["object"], "list");
    let ids: Vec<_> = list["data"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|m| &m["id"])
        .collect();
    assert_eq!(ids, ["script", "gpt-4o", "Qwen/Qwen3-VL"]);
    for (path, id) in [("script", "script"), ("Qwen%2FQwen3-VL", "Qwen/Qwen3-VL")] {
        let model = stage.get(&format!("/v1/models/{path}")).await;
        assert_eq!(model.status, StatusCode::OK);
        assert_eq!(
            (model.json()["id"].as_str(), model.json()["object"].as_str()),
            (Some(id), Some("model"))
        );
    }
    let unknown = stage.get("/v1/models/gpt-9").await;
    let wanted = (404, Some("model".to_owned()), "model_not_found".to_owned());
    assert_eq!(unknown.openai_error(), wanted);
}
