//! Conversations that can be read, and the sentences said about those that cannot.

use serde_json::json;

use super::*;

fn parsed(value: &Value) -> Result<Conversation, MessagesError> {
    parse(value, Path::new("/nowhere"))
}

/// The refusal of a conversation, as the user reads it (without the cause).
fn refusal(value: &Value) -> String {
    parsed(value)
        .expect_err("this conversation must be refused")
        .to_string()
}

#[test]
fn texts_and_parts_become_messages_in_order() {
    let conversation = parsed(&json!([
        {"role": "system", "content": "Be short."},
        {"role": "user", "content": [
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAEC"}},
            {"type": "text", "text": "What is this?"},
            {"type": "image_url", "image_url": "data:image/png;base64,Aw=="},
        ]},
        {"role": "assistant", "content": "A box."},
    ]))
    .unwrap();

    let roles: Vec<_> = conversation
        .messages
        .iter()
        .map(|message| message.role)
        .collect();
    assert_eq!(roles, [Role::System, Role::User, Role::Assistant]);
    assert_eq!(
        conversation.messages[1].content,
        [
            Part::Picture(0),
            Part::Text("What is this?".into()),
            Part::Picture(1)
        ]
    );
    let pictures: Vec<&[u8]> = conversation
        .pictures
        .iter()
        .map(|bytes| &bytes[..])
        .collect();
    assert_eq!(pictures, [&[0, 1, 2][..], &[3][..]]);
}

#[test]
fn a_local_path_is_relative_to_the_file_of_messages() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("box.png"), b"picture").unwrap();
    let file = directory.path().join("talk.json");
    let talk = json!([{"role": "user", "content": [
        {"type": "image_url", "image_url": {"url": "box.png"}},
        {"type": "image_url", "image_url": {"url": format!("file://{}/box.png", directory.path().display())}},
    ]}]);
    std::fs::write(&file, talk.to_string()).unwrap();

    let conversation = read(&file).unwrap();

    assert_eq!(conversation.pictures.len(), 2);
    assert!(
        conversation
            .pictures
            .iter()
            .all(|bytes| bytes[..] == *b"picture")
    );
}

#[test]
fn a_picture_on_a_network_is_refused_and_named() {
    let text = refusal(&json!([{"role": "user", "content": [
        {"type": "text", "text": "Read it."},
        {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}},
    ]}]));
    assert!(
        text.starts_with("message 1, part 2: https://example.org/a.png"),
        "{text}"
    );
    assert!(text.contains("save the picture"), "{text}");
}

#[test]
fn a_long_remote_url_is_cut_in_the_message() {
    let url = format!("HTTP://example.org/{}", "x".repeat(5000));
    let text = refusal(&json!([{"role": "user", "content": [
        {"type": "image_url", "image_url": {"url": url}}]}]));
    assert!(text.len() < 250, "{}", text.len());
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let cases = [
        (json!({"role": "user"}), "must be a JSON list"),
        (json!([]), "at least one message"),
        (json!(["hello"]), "message 1: is not an object"),
        (
            json!([{"role": "tool", "content": "x"}]),
            "message 1: role must be",
        ),
        (
            json!([{"role": "user", "content": "x"}, {"role": "user"}]),
            "message 2: content must be",
        ),
        (
            json!([{"role": "user", "content": 3}]),
            "message 1: content must be",
        ),
        (
            json!([{"role": "user", "content": ["x"]}]),
            "message 1, part 1: type must be",
        ),
        (
            json!([{"role": "user", "content": [{"type": "text"}]}]),
            "needs a \"text\"",
        ),
        (
            json!([{"role": "user", "content": [{"type": "image_url"}]}]),
            "image_url part needs",
        ),
        (
            json!([{"role": "user", "content": [{"type": "image_url", "image_url": "data:image/png,abc"}]}]),
            "no base64 data",
        ),
        (
            json!([{"role": "user", "content": [{"type": "image_url", "image_url": "data:;base64,*"}]}]),
            "no base64 data",
        ),
    ];
    for (value, expected) in cases {
        let text = refusal(&value);
        assert!(text.contains(expected), "{value}: {text}");
    }
}

#[test]
fn a_data_uri_beyond_the_limit_is_refused_before_it_is_decoded() {
    let body = "A".repeat((picture_bytes() as usize).div_ceil(3) * 4 + 4);
    assert_eq!(
        data(&format!("image/png;base64,{body}")).unwrap_err(),
        Fault::DataTooLarge
    );
}

#[test]
fn a_missing_picture_file_is_named() {
    let text = parsed(&json!([{"role": "user", "content": [
        {"type": "image_url", "image_url": "gone.png"}]}]))
    .expect_err("there is no such file");
    let MessagesError::Picture {
        message: 1,
        part: 1,
        source,
    } = text
    else {
        panic!("{text}");
    };
    assert!(source.to_string().contains("gone.png"), "{source}");
}
