//! What a request may ask for elsewhere and not here. A field that would change the meaning of the answer
//! is refused unless it is left at its default; a field nobody knows is taken for a hint.

use serde_json::{Map, Value};

use crate::error::ApiError;

/// A field that is refused unless it says nothing.
pub(super) struct Rule {
    pub field: &'static str,
    /// Whether this value asks for nothing.
    pub harmless: fn(&Value) -> bool,
    /// What to do without it.
    pub advice: &'static str,
}

const fn rule(field: &'static str, harmless: fn(&Value) -> bool, advice: &'static str) -> Rule {
    Rule {
        field,
        harmless,
        advice,
    }
}

const NO_TOOLS: &str = "Tools are not offered here. Ask without them; `response_format` holds an \
     answer to a JSON schema.";
const NO_AUDIO: &str = "Only text and pictures are taken in, and only text is given out.";
const NO_STORE: &str = "Nothing is stored here. Leave it out, or say false, and send the whole \
     conversation each time.";
const NO_MEMORY: &str = "Nothing is stored here. Send the whole conversation in `input`.";
const SCHEMA_INSTEAD: &str = "Use `response_format` with a JSON schema.";
const NO_SUCH_PENALTY: &str = "Use `presence_penalty` or `repetition_penalty`.";
const NOT_OFFERED: &str = "Leave it out.";

/// For chat completions.
pub(super) const CHAT: &[Rule] = &[
    rule("tools", is_empty, NO_TOOLS),
    rule("functions", is_empty, NO_TOOLS),
    rule("tool_choice", is_no_choice, NO_TOOLS),
    rule("function_call", is_no_choice, NO_TOOLS),
    rule("web_search_options", is_empty, NO_TOOLS),
    rule("audio", is_empty, NO_AUDIO),
    rule("modalities", is_text_only, NO_AUDIO),
    rule("store", is_false, NO_STORE),
    rule("logit_bias", is_empty, NOT_OFFERED),
    rule("frequency_penalty", is_zero, NO_SUCH_PENALTY),
    rule("min_p", is_zero, "Use `top_p` or `top_k`."),
    rule("length_penalty", is_one, NOT_OFFERED),
    rule("best_of", is_one, "Use `n` and choose yourself."),
    rule("use_beam_search", is_false, NOT_OFFERED),
    rule("min_tokens", is_zero, NOT_OFFERED),
    rule("echo", is_false, NOT_OFFERED),
    rule(
        "continue_final_message",
        is_false,
        "End with a message of the user.",
    ),
    rule("stop_token_ids", is_empty, "Use `stop` with texts."),
    rule("chat_template", is_empty, NOT_OFFERED),
    rule("guided_json", is_empty, SCHEMA_INSTEAD),
    rule("guided_regex", is_empty, SCHEMA_INSTEAD),
    rule("guided_choice", is_empty, SCHEMA_INSTEAD),
    rule("guided_grammar", is_empty, SCHEMA_INSTEAD),
    rule("structured_outputs", is_empty, SCHEMA_INSTEAD),
    rule("grammar", is_empty, SCHEMA_INSTEAD),
];

/// For responses.
pub(super) const RESPONSES: &[Rule] = &[
    rule("tools", is_empty, NO_TOOLS),
    rule("tool_choice", is_no_choice, NO_TOOLS),
    rule("store", is_false, NO_STORE),
    rule("previous_response_id", is_empty, NO_MEMORY),
    rule("conversation", is_empty, NO_MEMORY),
    rule(
        "prompt",
        is_empty,
        "Send the words themselves in `input` and `instructions`.",
    ),
    rule(
        "background",
        is_false,
        "Use `stream` to see an answer as it comes.",
    ),
    rule("truncation", is_disabled, "Send fewer messages instead."),
    rule("frequency_penalty", is_zero, NO_SUCH_PENALTY),
    rule("stop", is_empty, "Chat completions take it."),
    rule("n", is_one, "Ask as often as you want answers."),
    rule("max_tokens", is_nothing, "Use `max_output_tokens`."),
    rule(
        "max_completion_tokens",
        is_nothing,
        "Use `max_output_tokens`.",
    ),
    rule("response_format", is_nothing, "Use `text.format`."),
    rule("messages", is_empty, "Use `input`."),
];

/// Refuses the first field that asks for something.
pub(super) fn check(fields: &Map<String, Value>, rules: &[Rule]) -> Result<(), ApiError> {
    for rule in rules {
        let Some(value) = fields.get(rule.field) else {
            continue;
        };
        if !(value.is_null() || (rule.harmless)(value)) {
            let param = rule.field.to_owned();
            let message = format!("`{}` is not offered here. {}", rule.field, rule.advice);
            return Err(ApiError::Unsupported { param, message });
        }
    }
    Ok(())
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::String(text) => text.is_empty(),
        _ => false,
    }
}

/// Left out, or null.
fn is_nothing(value: &Value) -> bool {
    value.is_null()
}

fn is_no_choice(value: &Value) -> bool {
    matches!(value.as_str(), Some("none" | "auto"))
}

fn is_text_only(value: &Value) -> bool {
    value
        .as_array()
        .is_some_and(|list| list.iter().all(|kind| kind == "text"))
}

fn is_disabled(value: &Value) -> bool {
    value == "disabled"
}

fn is_false(value: &Value) -> bool {
    value == &Value::Bool(false)
}

fn is_zero(value: &Value) -> bool {
    value.as_f64() == Some(0.0)
}

fn is_one(value: &Value) -> bool {
    value.as_f64() == Some(1.0)
}
