//! An OpenAPI document as HTML. Everything in it is escaped, whoever wrote it.

use std::fmt::Write;

use serde_json::{Map, Value};

/// How deep a schema is spelt out; references are links.
const DEPTH: usize = 4;

const BEFORE: &str = r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Lookdesk: the interface</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/plain.css">
</head>
<body>
<main>
<h1>Lookdesk: the interface</h1>
<p>Programs written for OpenAI's API work with the base address <code>/v1</code> of this desk. Where keys
are asked for, send <code>Authorization: Bearer KEY</code>. The document behind this page:
<a href="/openapi.json">openapi.json</a>.</p>
"#;
const AFTER: &str = "</main>\n</body>\n</html>\n";

/// The page.
pub(super) fn page(document: &Value) -> String {
    let mut page = Page(BEFORE.to_owned());
    page.text("h2", "Routes");
    for (path, operations) in object(&document["paths"]) {
        for (method, operation) in object(operations) {
            page.operation(path, method, operation);
        }
    }
    page.text("h2", "Shapes");
    for (name, schema) in object(&document["components"]["schemas"]) {
        page.shape(name, schema);
    }
    page.0.push_str(AFTER);
    page.0
}

fn object(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

struct Page(String);

impl Page {
    fn put(&mut self, html: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = self.0.write_fmt(html);
    }

    fn text(&mut self, tag: &str, text: &str) {
        self.put(format_args!("<{tag}>{}</{tag}>\n", escaped(text)));
    }

    fn operation(&mut self, path: &str, method: &str, operation: &Value) {
        let (method, path) = (escaped(&method.to_uppercase()), escaped(path));
        self.put(format_args!(
            "<details class=\"route\"><summary><span class=\"method\">{method}</span> \
             <code>{path}</code></summary>\n"
        ));
        for name in ["summary", "description"] {
            if let Some(text) = operation[name].as_str() {
                self.text("p", text);
            }
        }
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let name = escaped(parameter["name"].as_str().unwrap_or_default());
            let place = match parameter["in"].as_str() {
                Some("path") => "In the path",
                Some("query") => "Behind the question mark",
                _ => "In a header",
            };
            let said = escaped(parameter["description"].as_str().unwrap_or_default());
            self.put(format_args!("<p>{place}: <code>{name}</code> {said}</p>\n"));
        }
        for (media_type, content) in object(&operation["requestBody"]["content"]) {
            self.put(format_args!(
                "<h3>Send <code>{}</code></h3>\n",
                escaped(media_type)
            ));
            self.schema(&content["schema"], 0);
        }
        for (status, response) in object(&operation["responses"]) {
            let said = response["description"].as_str().unwrap_or_default();
            self.put(format_args!(
                "<h3>{} {}</h3>\n",
                escaped(status),
                escaped(said)
            ));
            for (media_type, content) in object(&response["content"]) {
                self.put(format_args!(
                    "<p><code>{}</code></p>\n",
                    escaped(media_type)
                ));
                self.schema(&content["schema"], 0);
            }
        }
        self.put(format_args!("</details>\n"));
    }

    fn shape(&mut self, name: &str, schema: &Value) {
        let name = escaped(name);
        // The name lies inside, so that a link to it opens what is folded.
        self.put(format_args!(
            "<details class=\"route\"><summary><code>{name}</code></summary>\n<div id=\"{name}\">\n"
        ));
        if let Some(text) = schema["description"].as_str() {
            self.text("p", text);
        }
        self.schema(schema, 0);
        self.put(format_args!("</div>\n</details>\n"));
    }

    fn schema(&mut self, schema: &Value, depth: usize) {
        if depth >= DEPTH {
            return;
        }
        if let Some(name) = referred(schema) {
            let name = escaped(name);
            self.put(format_args!(
                "<p><a href=\"#{name}\"><code>{name}</code></a></p>\n"
            ));
            return;
        }
        for either in ["oneOf", "anyOf", "allOf"] {
            for choice in schema[either].as_array().into_iter().flatten() {
                if let Some(text) = choice["description"].as_str() {
                    self.text("p", text);
                }
                self.schema(choice, depth + 1);
            }
        }
        if let Some(items) = schema.get("items") {
            self.text("p", "A list of:");
            self.schema(items, depth + 1);
        }
        let required: Vec<&str> = schema["required"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let fields: Vec<_> = object(&schema["properties"]).collect();
        if fields.is_empty() {
            let kind = kind_of(schema);
            if !kind.is_empty() {
                self.put(format_args!("<p class=\"quiet\">{}</p>\n", escaped(&kind)));
            }
            return;
        }
        self.put(format_args!("<dl>\n"));
        for (name, field) in fields {
            let must = if required.contains(&name.as_str()) {
                ", required"
            } else {
                ""
            };
            let kind = kind_of(field);
            self.put(format_args!(
                "<dt><code>{}</code> <span class=\"quiet\">{}{must}</span></dt>\n<dd>",
                escaped(name),
                escaped(&kind)
            ));
            if let Some(text) = field["description"].as_str() {
                self.put(format_args!("{}", escaped(text)));
            }
            self.inner(field, depth);
            self.put(format_args!("</dd>\n"));
        }
        self.put(format_args!("</dl>\n"));
    }

    /// What a field holds, where its kind does not say it.
    fn inner(&mut self, field: &Value, depth: usize) {
        let holds = ["oneOf", "anyOf", "allOf", "items", "properties", "$ref"];
        if holds.iter().any(|name| field.get(name).is_some()) {
            self.schema(field, depth + 1);
        }
    }
}

fn referred(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str()?.rsplit('/').next()
}

/// The kind of a value, with its bounds.
fn kind_of(schema: &Value) -> String {
    let mut words: Vec<String> = match &schema["type"] {
        Value::String(kind) => vec![kind.clone()],
        Value::Array(kinds) => {
            let kinds = kinds
                .iter()
                .filter_map(Value::as_str)
                .filter(|kind| *kind != "null");
            kinds.map(str::to_owned).collect()
        }
        _ => Vec::new(),
    };
    for (name, said) in [
        ("minimum", "from"),
        ("exclusiveMinimum", "above"),
        ("maximum", "to"),
        ("maxItems", "at most"),
    ] {
        if let Some(bound) = schema[name].as_f64() {
            words.push(format!("{said} {bound}"));
        }
    }
    if let Some(values) = schema["enum"].as_array() {
        let values: Vec<_> = values.iter().map(Value::to_string).collect();
        words.push(values.join(" | "));
    }
    words.join(" ")
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            other => safe.push(other),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_document_says_is_text_and_never_markup() {
        let document = json!({
            "paths": {"/<b>": {"get": {"summary": "<script>alert(1)</script>", "responses": {}}}},
            "components": {"schemas": {"\"><img>": {"type": "object"}}},
        });
        let page = page(&document);
        for markup in ["<script", "<img", "/<b>"] {
            assert!(!page.contains(markup), "{page}");
        }
        assert!(page.contains("&lt;script&gt;"));
    }

    #[test]
    fn a_field_is_told_with_its_kind_bounds_and_words() {
        let document = json!({"components": {"schemas": {"Ask": {
            "type": "object",
            "required": ["heat"],
            "properties": {
                "heat": {"type": ["number", "null"], "maximum": 2, "description": "How warm."},
                "who": {"$ref": "#/components/schemas/Role"}
            }
        }}}});
        let page = page(&document);
        assert!(page.contains("number to 2, required"), "{page}");
        assert!(page.contains("How warm."));
        assert!(page.contains("<a href=\"#Role\">"));
    }
}
