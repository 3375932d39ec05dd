use crate::stage::stage;

#[tokio::test]
async fn the_interface_is_described_on_a_page_that_loads_nothing_from_elsewhere() {
    let stage = stage();
    let page = stage.get("/docs").await;
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    let text = page.text();
    for word in [
        "/v1/chat/completions",
        "/v1/responses",
        "/metrics",
        "ChatRequest",
        "top_logprobs",
        "In the path: <code>id</code>",
        "Behind the question mark: <code>verdict</code>",
    ] {
        assert!(text.contains(word), "{word}");
    }
    assert!(!text.contains("<script") && !text.contains("style=") && !text.contains("http://"));
    assert!(!text.contains("src="));
    assert!(
        page.header("content-security-policy")
            .contains("script-src 'self'")
    );
    let style = stage.get("/plain.css").await;
    assert_eq!(style.header("content-type"), "text/css; charset=utf-8");
}
