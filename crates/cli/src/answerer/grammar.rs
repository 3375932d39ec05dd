//! Answers held to a shape: a JSON schema becomes a say in which tokens may come next.
//!
//! The grammars are `llguidance`'s; here they meet the engine's tokens and its seam for constraints.
//! A schema is compiled on the asker's thread, within bounds, and refused in words where it says
//! something no grammar can hold an answer to. References lead nowhere outside the schema.

use std::fmt;
use std::sync::Arc;

use desk::{Refusal, Shape};
use engine::{Constraint, ConstraintError, Vocabulary};
use llguidance::api::{StopReason, TopLevelGrammar};
use llguidance::toktrie::{ApproximateTokEnv, TokEnv, TokRxInfo, TokTrie};
use llguidance::{Matcher, ParserFactory};
use serde_json::{Value, json};

/// A schema larger than this is no description of an answer.
const SCHEMA_BYTES: usize = 64 * 1024;
/// Tokens of an answer that are tried before it is asked for.
const WRITTEN_AHEAD: usize = 4;
/// Whole numbers below this are exact, however they were read.
const EXACT: f64 = 9_007_199_254_740_992.0;
/// What a schema says with numbers an answer has to equal.
const VALUES: [&str; 2] = ["const", "enum"];
/// What a schema says with numbers an answer is compared with.
const BOUNDS: [&str; 5] = [
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
];
/// What those reasons mean that say it in a word.
const NOTHING_FITS: &str = "its references run in a circle, or nothing can fit it";
/// A reason is one short sentence.
const REASON_CHARACTERS: usize = 300;
/// A space, or a line break with the next line's indent: what models that print neatly need. More would
/// let an unsure model wander off into blanks.
const BLANKS: &str = r"\x20|\x0A\x20{0,12}";

/// Makes constraints for the tokens of one model.
pub struct Grammars {
    factory: ParserFactory,
}

impl Grammars {
    /// Sorts the tokens of a model. Takes a fraction of a second for a large vocabulary.
    pub fn of(vocabulary: &Vocabulary) -> Result<Self, String> {
        let tokenizer = &vocabulary.tokenizer;
        let ids = 0..u32::try_from(vocabulary.size).map_err(|_| "too many tokens")?;
        let words: Vec<Vec<u8>> = ids
            .map(|id| {
                let bytes = tokenizer.token_bytes(id);
                let marker = TokTrie::SPECIAL_TOKEN_MARKER;
                match bytes {
                    [] => Vec::new(),
                    bytes if tokenizer.is_special(id) => [&[marker], bytes].concat(),
                    // No text has this byte; at the front it would make a word special.
                    [first, ..] if *first == marker => Vec::new(),
                    bytes => bytes.to_vec(),
                }
            })
            .collect();
        let end = *vocabulary.end_tokens.first().ok_or("no end token")?;
        let info = TokRxInfo::new(words.len() as u32, end);
        let environment: TokEnv = Arc::new(ApproximateTokEnv::new(TokTrie::from(&info, &words)));
        let factory = ParserFactory::new_simple(&environment);
        let mut factory = factory.map_err(|error| error.to_string())?;
        factory.quiet();
        factory.limits_mut().verbose_errors = false;
        Ok(Self { factory })
    }

    /// What holds an answer to this shape; nothing for a free one.
    pub fn constraint(&self, shape: &Shape) -> Result<Option<Box<dyn Constraint>>, Refusal> {
        let schema = match shape {
            Shape::Free => return Ok(None),
            Shape::JsonObject => json!({"type": "object"}),
            Shape::JsonSchema(schema) => schema.clone(),
        };
        let grammar = TopLevelGrammar::from_json_schema(bounded(schema)?);
        let parser = self
            .factory
            .create_parser(grammar)
            .map_err(|error| refusal(&error))?;
        let matcher = Matcher::new(Ok(parser));
        if let Some(error) = matcher.get_error() {
            return Err(Refusal::shape_unsupported(&short(&error)));
        }
        write_ahead(matcher.deep_clone()).map_err(|error| refusal(&error))?;
        Ok(Some(Box::new(Held(matcher))))
    }
}

/// Writes a few tokens of some answer. Some faults show only then: references in a circle, or a choice among so many
/// shapes that it is too much work.
fn write_ahead(mut matcher: Matcher) -> Result<(), String> {
    for _ in 0..WRITTEN_AHEAD {
        let allowed = matcher.compute_mask_or_eos();
        let allowed = allowed.map_err(|error| error.to_string())?;
        let Some(first) = allowed.first_bit_set() else {
            break;
        };
        if matcher.is_stopped() {
            break;
        }
        let written = matcher.consume_token(first as u32);
        written.map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// The schema with our bound on blanks, if it is of human size.
fn bounded(schema: Value) -> Result<Value, Refusal> {
    let mut schema = match schema {
        Value::Object(map) => map,
        Value::Bool(true) => serde_json::Map::new(),
        _ => return Err(Refusal::shape_unsupported("a schema is an object")),
    };
    let bytes = Value::Object(schema.clone()).to_string().len();
    if bytes > SCHEMA_BYTES {
        let reason = format!("it has {bytes} bytes, the limit is {SCHEMA_BYTES}");
        return Err(Refusal::shape_unsupported(&reason));
    }
    if let Some(number) = schema.iter().find_map(|(key, value)| inexact(key, value)) {
        let reason = format!("{number} has more digits than are told apart; describe it as text");
        return Err(Refusal::shape_unsupported(&reason));
    }
    schema.insert("x-guidance".into(), json!({"whitespace_pattern": BLANKS}));
    Ok(Value::Object(schema))
}

/// A number that says something else than was written: it has too many digits for the double that it became.
fn inexact<'a>(key: &str, value: &'a Value) -> Option<&'a Value> {
    if VALUES.contains(&key) {
        return first_number(value, &|number| number.is_f64());
    }
    if BOUNDS.contains(&key) {
        return first_number(value, &|_| true);
    }
    match value {
        Value::Object(map) => map.iter().find_map(|(key, value)| inexact(key, value)),
        Value::Array(list) => list.iter().find_map(|value| inexact("", value)),
        _ => None,
    }
}

/// The first of the numbers `among` here that is too large to be exact.
fn first_number<'a>(value: &'a Value, among: &impl Fn(&Value) -> bool) -> Option<&'a Value> {
    match value {
        Value::Object(map) => map.values().find_map(|value| first_number(value, among)),
        Value::Array(list) => list.iter().find_map(|value| first_number(value, among)),
        number => {
            let is_large = number.as_f64().is_some_and(|number| number.abs() >= EXACT);
            (is_large && among(number)).then_some(number)
        }
    }
}

fn refusal(error: &impl fmt::Display) -> Refusal {
    Refusal::shape_unsupported(&short(&error.to_string()))
}

/// The first line of a message, within bounds; where it only announces a reason, the reason too.
fn short(message: &str) -> String {
    let mut lines = message.lines().map(str::trim);
    let first = lines.find(|line| !line.is_empty());
    let first = first.unwrap_or("unknown reason");
    let reason = lines.find_map(|line| line.strip_prefix("error: "));
    let nothing_fits = [StopReason::NoExtension, StopReason::NoExtensionBias];
    let line = match reason {
        _ if nothing_fits.iter().any(|end| first == end.to_string()) => NOTHING_FITS.to_owned(),
        Some(reason) if first.ends_with(':') => format!("{first} {reason}"),
        _ => first.to_owned(),
    };
    line.chars().take(REASON_CHARACTERS).collect()
}

/// One answer's place in its grammar.
struct Held(Matcher);

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Held").field(&self.0.stop_reason()).finish()
    }
}

impl Constraint for Held {
    fn mask(&mut self, logits: &mut [f32]) -> Result<(), ConstraintError> {
        let allowed = self
            .0
            .compute_mask_or_eos()
            .map_err(|error| fault(&error))?;
        let known = allowed.len();
        for (id, logit) in logits.iter_mut().enumerate() {
            if id >= known || !allowed.get(id) {
                *logit = f32::NEG_INFINITY;
            }
        }
        Ok(())
    }

    fn accept(&mut self, token: u32) -> Result<(), ConstraintError> {
        self.0.consume_token(token).map_err(|error| fault(&error))
    }

    fn may_end(&mut self) -> bool {
        if self.0.is_error() {
            return false;
        }
        self.0.is_stopped() || self.0.is_accepting().unwrap_or(false)
    }

    fn boxed_clone(&self) -> Box<dyn Constraint> {
        Box::new(Self(self.0.deep_clone()))
    }
}

fn fault(error: &impl fmt::Display) -> ConstraintError {
    let reason = short(&error.to_string());
    ConstraintError(format!("an answer broke off: {reason}"))
}

#[cfg(test)]
mod tests {
    use desk::Code;
    use model::tokenizer::Tokenizer;

    use super::*;
    use crate::demo;

    fn vocabulary() -> Vocabulary {
        let tokenizer = Tokenizer::from_json(demo::tokenizer_json()).unwrap();
        let end = tokenizer.special("<|im_end|>").unwrap();
        Vocabulary {
            size: tokenizer.vocab_size() + 3,
            tokenizer: Arc::new(tokenizer),
            end_tokens: vec![end],
        }
    }

    fn constraint(shape: &Shape) -> Box<dyn Constraint> {
        let grammars = Grammars::of(&vocabulary()).unwrap();
        grammars.constraint(shape).unwrap().unwrap()
    }

    fn allowed(constraint: &mut Box<dyn Constraint>, size: usize) -> Vec<usize> {
        let mut logits = vec![0.0; size];
        constraint.mask(&mut logits).unwrap();
        (0..size).filter(|&id| logits[id] == 0.0).collect()
    }

    fn model_schema() -> Shape {
        Shape::JsonSchema(json!({
            "type": "object",
            "properties": {"model": {"type": "string", "pattern": "^[A-Z]{2}[0-9]{2}$"}},
            "required": ["model"],
            "additionalProperties": false
        }))
    }

    #[test]
    fn a_schema_that_runs_in_a_circle_is_refused_before_anything_is_answered() {
        let grammars = Grammars::of(&vocabulary()).unwrap();
        let circles = [
            json!({"$ref": "#"}),
            json!({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}),
        ];
        for schema in circles {
            let refused = grammars.constraint(&Shape::JsonSchema(schema.clone()));
            let refusal = refused.map(drop).expect_err("a circle");
            assert_eq!(refusal.code, Code::ShapeUnsupported, "{schema}");
            assert!(
                refusal.message.contains("run in a circle"),
                "{}",
                refusal.message
            );
        }
    }

    #[test]
    fn a_number_that_cannot_be_held_to_digit_by_digit_is_refused_and_named() {
        let grammars = Grammars::of(&vocabulary()).unwrap();
        let refused = |schema: &str| {
            let schema = serde_json::from_str(schema).unwrap();
            let refused = grammars.constraint(&Shape::JsonSchema(schema));
            refused.map(drop).map_err(|refusal| refusal.message)
        };
        for schema in [
            r#"{"const": 12345678901234567890123}"#,
            r#"{"properties": {"id": {"enum": ["none", [-98765432109876543210]]}}}"#,
            r#"{"anyOf": [{"type": "null"}, {"type": "integer", "maximum": 9007199254740993}]}"#,
        ] {
            let words = refused(schema).expect_err(schema);
            assert!(words.contains("more digits than are told apart"), "{words}");
        }
        for schema in [
            r#"{"const": 18446744073709551615}"#,
            r#"{"type": "integer", "minimum": 0, "maximum": 9007199254740991}"#,
            r#"{"const": "12345678901234567890123"}"#,
        ] {
            assert_eq!(refused(schema), Ok(()), "{schema}");
        }
    }

    #[test]
    fn a_pattern_that_no_answer_can_be_held_to_is_refused_with_what_is_wrong_with_it() {
        let grammars = Grammars::of(&vocabulary()).unwrap();
        let pattern = json!({"type": "string", "pattern": "(?=a)b"});
        let refused = grammars.constraint(&Shape::JsonSchema(pattern));
        let refusal = refused.map(drop).expect_err("look-around");
        assert!(
            refusal.message.contains("look-around"),
            "{}",
            refusal.message
        );
    }

    #[test]
    fn only_text_that_fits_the_schema_can_be_written() {
        let vocabulary = vocabulary();
        let mut held = constraint(&model_schema());
        let written = vocabulary
            .tokenizer
            .encode_text("{\"model\":\"AX73\"}")
            .unwrap();
        for id in written {
            let may = allowed(&mut held, vocabulary.size);
            assert!(may.contains(&(id as usize)), "{id} of {may:?}");
            assert!(!held.may_end());
            held.accept(id).unwrap();
        }
        assert!(held.may_end());
        let rest = allowed(&mut held, vocabulary.size);
        let text = |id: &usize| vocabulary.tokenizer.decode(&[*id as u32], true);
        assert!(
            rest.iter().map(text).all(|text| text.trim().is_empty()),
            "{rest:?}"
        );
    }

    #[test]
    fn every_first_token_of_an_object_opens_it() {
        let vocabulary = vocabulary();
        for shape in [Shape::JsonObject, model_schema()] {
            let mut held = constraint(&shape);
            let first = allowed(&mut held, vocabulary.size);
            assert!(!first.is_empty());
            for id in first {
                let text = vocabulary.tokenizer.decode(&[id as u32], false);
                assert!(
                    text.trim_start().starts_with('{') || text.trim().is_empty(),
                    "{text}"
                );
            }
        }
    }

    /// One of very many shapes, which only its content tells apart.
    fn one_of_many() -> Value {
        let one = |n: u32| {
            let list = json!({"type": "array", "items": {"type": "string"}});
            json!({"type": "object", "properties": {"a": list, format!("k{n}"): {"type": "string"}}})
        };
        json!({"anyOf": (0..200).map(one).collect::<Vec<_>>()})
    }

    #[test]
    fn a_schema_that_is_too_much_work_from_the_first_words_is_refused_before_anything_is_answered()
    {
        let grammars = Grammars::of(&vocabulary()).unwrap();
        let refused = grammars.constraint(&Shape::JsonSchema(one_of_many()));
        let refusal = refused.map(drop).expect_err("too much work");
        assert_eq!(refusal.code, Code::ShapeUnsupported);
        assert!(
            refusal.message.contains("max is 2000"),
            "{}",
            refusal.message
        );
    }

    #[test]
    fn a_schema_that_turns_out_too_much_work_breaks_the_answer_off_in_words() {
        let vocabulary = vocabulary();
        let opening = "{\"kind\": \"a label of a device\", \"found\": ";
        let mut held = constraint(&Shape::JsonSchema(json!({
            "type": "object",
            "properties": {"kind": {"const": "a label of a device"}, "found": one_of_many()},
            "required": ["kind", "found"],
            "additionalProperties": false,
        })));
        for id in vocabulary.tokenizer.encode_text(opening).unwrap() {
            allowed(&mut held, vocabulary.size);
            held.accept(id).unwrap();
        }
        let brace = vocabulary.tokenizer.encode_text("{").unwrap()[0];
        let mut logits = vec![0.0; vocabulary.size];
        let broke = held
            .mask(&mut logits)
            .and_then(|()| held.accept(brace))
            .and_then(|()| held.mask(&mut logits));
        let why = broke.expect_err("too much work").to_string();
        assert!(why.starts_with("an answer broke off: "), "{why}");
        assert!(!why.contains('\n'), "{why}");
    }

    #[test]
    fn a_copy_goes_its_own_way() {
        let vocabulary = vocabulary();
        let mut first = constraint(&Shape::JsonObject);
        let mut second = first.boxed_clone();
        for id in vocabulary.tokenizer.encode_text("{}").unwrap() {
            first.accept(id).unwrap();
        }
        assert!(first.may_end() && !second.may_end());
    }

    #[test]
    fn a_schema_that_nothing_can_be_held_to_is_refused_in_words() {
        let grammars = Grammars::of(&vocabulary()).unwrap();
        for schema in [
            json!({"$ref": "https://evil.example/schema.json"}),
            json!({"type": "object", "properties": {"a": {"not": {"type": "string"}}}}),
            json!({"type": "nonsense"}),
            json!([1, 2]),
            json!({"type": "string", "pattern": "("}),
            json!({"description": "x".repeat(SCHEMA_BYTES)}),
        ] {
            let shape = Shape::JsonSchema(schema);
            let refusal = grammars
                .constraint(&shape)
                .err()
                .map(|r| (r.code, r.message));
            let (code, message) = refusal.unwrap_or_else(|| panic!("{shape:?}"));
            assert_eq!(code, Code::ShapeUnsupported);
            assert!(!message.contains('\n') && message.len() < 500, "{message}");
        }
    }
}
