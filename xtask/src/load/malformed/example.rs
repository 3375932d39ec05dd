//! Values as a schema of the API's description wants them. Source: JSON Schema 2020-12, the part of it that
//! the description uses.

use serde_json::{Map, Number, Value, json};

use crate::load::random::Random;

/// Deeper than this only what is required is given.
const DEPTH: usize = 8;

/// The API's description.
pub struct Document<'a>(pub &'a Value);

impl Document<'_> {
    /// A value of the schema. Answers are kept short, so that those which are given cost little.
    pub fn example(&self, schema: &Value, random: &mut Random) -> Value {
        let mut value = self.value(schema, DEPTH, random);
        if let Some(fields) = value.as_object_mut() {
            let limit = match fields.contains_key("input") {
                true => "max_output_tokens",
                false => "max_tokens",
            };
            fields.insert(limit.to_owned(), json!(random.below(4) + 1));
        }
        value
    }

    fn value(&self, schema: &Value, depth: usize, random: &mut Random) -> Value {
        if let Some(reference) = schema["$ref"].as_str() {
            let pointer = reference.trim_start_matches('#');
            return match (self.0.pointer(pointer), depth) {
                (Some(schema), 1..) => self.value(schema, depth - 1, random),
                _ => Value::Null,
            };
        }
        for choice in ["oneOf", "anyOf"] {
            if let Some(one) = schema[choice]
                .as_array()
                .and_then(|choices| random.one_of(choices))
            {
                return self.value(one, depth.saturating_sub(1), random);
            }
        }
        if let Some(parts) = schema["allOf"].as_array() {
            let mut whole = Map::new();
            for part in parts {
                if let Value::Object(fields) = self.value(part, depth.saturating_sub(1), random) {
                    whole.extend(fields);
                }
            }
            return Value::Object(whole);
        }
        if let Some(value) = schema["enum"]
            .as_array()
            .and_then(|values| random.one_of(values))
        {
            return value.clone();
        }
        if let Some(value) = schema.get("const") {
            return value.clone();
        }
        let kind = match &schema["type"] {
            Value::Array(kinds) => random.one_of(kinds).and_then(Value::as_str),
            kind => kind.as_str(),
        };
        match kind {
            Some("object") => self.object(schema, depth, random),
            Some("array") => {
                let length = usize::from(depth > 0) + random.below(2);
                let items = (0..length).map(|_| {
                    let depth = depth.saturating_sub(1);
                    self.value(&schema["items"], depth, random)
                });
                Value::Array(items.collect())
            }
            Some("string") => text(random),
            Some("integer") => Value::from(between(schema, random) as i64),
            Some("number") => Number::from_f64(between(schema, random)).into(),
            Some("boolean") => Value::Bool(random.one_in(2)),
            _ => Value::Null,
        }
    }

    fn object(&self, schema: &Value, depth: usize, random: &mut Random) -> Value {
        let mut fields = Map::new();
        let required = schema["required"].as_array();
        let properties = schema["properties"].as_object();
        for (name, property) in properties.into_iter().flatten() {
            let wanted = required.is_some_and(|names| names.iter().any(|have| have == name));
            if wanted || (depth > 0 && random.one_in(5)) {
                let value = self.value(property, depth.saturating_sub(1), random);
                fields.insert(name.clone(), value);
            }
        }
        Value::Object(fields)
    }
}

fn text(random: &mut Random) -> Value {
    const TEXTS: [&str; 6] = [
        "What is the model number?",
        "型号是什么？",
        "user",
        "data:image/png;base64,iVBORw0KGgo=",
        "text",
        "E74",
    ];
    random.one_of(&TEXTS).copied().into()
}

fn between(schema: &Value, random: &mut Random) -> f64 {
    let least = schema["minimum"].as_f64().unwrap_or(0.0);
    let most = schema["maximum"].as_f64().unwrap_or(least + 4.0);
    let share = random.below(5) as f64 / 4.0;
    least + (most - least) * share
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_has_what_is_required_even_when_schemas_contain_themselves() {
        let document = json!({"components": {"schemas": {"Node": {
            "type": "object",
            "required": ["name", "children"],
            "properties": {
                "name": {"type": "string"},
                "children": {"type": "array", "items": {"$ref": "#/components/schemas/Node"}},
            },
        }}}});
        let schema = json!({"$ref": "#/components/schemas/Node"});
        for seed in 0..100 {
            let value = Document(&document).example(&schema, &mut Random::new(seed));
            assert!(value["name"].is_string(), "{value}");
            assert!(value["children"].is_array(), "{value}");
        }
    }
}
